// The geometry of attention: which keys a tile of query rows may see, as a few ranges and never as a mask.
//
// Rows of the first segment give global keys; where all rows see each other, all rows do. The other rows come in spans
// of whole chunks, and their keys are local: nobody outside the span sees them, so that only one span's are in working
// memory. Keys are numbered in panels of 16: global keys from 0, padded to whole panels, then the span's local keys.
//
// A tile is a run of query rows of a span, which may cross chunks. Its columns are the panels that some row of it sees:
// global panels from 0, then a run of local panels.

#pragma once

#include "Level.hpp"

enum {
  /// Keys in a panel: the lanes of the vector type.
  CK_PANEL = 16,
  CK_HALF = CK_PANEL / 2,
  /// Query rows in a tile, at most.
  CK_TILE_ROWS = 32,
  /// Rows between the one that is loaded and the one that is asked for, in a span of more rows than a tile has.
  CK_ROWS_AHEAD = 16,
  /// Columns whose scores are held at a time.
  CK_TILE_COLUMNS = 256,
  /// Floats from one row of scores to the next; an odd number of cache lines.
  CK_SCORE_STRIDE = CK_TILE_COLUMNS + CK_PANEL,
};

inline long ck_min(long a, long b) { return a < b ? a : b; }
inline long ck_max(long a, long b) { return a > b ? a : b; }
constexpr long ck_padded(long count) { return (count + CK_PANEL - 1) / CK_PANEL * CK_PANEL; }

inline long ck_row_count(const ck_attention *call) { return call->firstCount + call->secondCount; }
inline long ck_global_count(const ck_attention *call) {
  return call->seesAll ? ck_row_count(call) : call->firstCount;
}
inline long ck_group_size(const ck_attention *call) { return call->headCount / call->keyValueHeadCount; }
inline long ck_packed_width(const ck_attention *call) {
  return (call->headCount + 2 * call->keyValueHeadCount) * call->headWidth;
}

/// First row of a sequence that has queries.
inline long ck_first_query(const ck_attention *call) {
  return call->dropsFirstQueries ? call->firstCount : 0;
}

/// Row of `packed` where row `row` of a sequence lies.
inline long ck_packed_row(const ck_attention *call, long sequence, long row) {
  return row < call->firstCount
      ? sequence * call->firstCount + row
      : call->sequenceCount * call->firstCount + sequence * call->secondCount + row - call->firstCount;
}

/// Rows of `packed` before the first of `output`.
inline long ck_dropped_count(const ck_attention *call) {
  return call->dropsFirstQueries ? call->sequenceCount * call->firstCount : 0;
}

/// Row of `output` where row `row` of a sequence lies.
inline long ck_output_row(const ck_attention *call, long sequence, long row) {
  return ck_packed_row(call, sequence, row) - ck_dropped_count(call);
}

/// Rotary position of row `row` of a sequence.
inline long ck_position(const ck_attention *call, long row) {
  if (call->seesAll) return row;
  return row < call->firstCount ? 0 : call->positionBase + (row - call->firstCount) % call->chunk;
}

/// Rows of a sequence, side by side, and the keys that they give.
struct ck_span {
  long firstRow;
  long rowCount;
  long firstKey;
};

/// The rows that give global keys.
inline ck_span ck_global_span(const ck_attention *call) { return ck_span{0, ck_global_count(call), 0}; }

/// Rows of a span with local keys, at most: a tile of whole chunks, or a chunk if that is more.
inline long ck_local_span_rows(const ck_attention *call) {
  return call->chunk < CK_TILE_ROWS ? CK_TILE_ROWS / call->chunk * call->chunk : call->chunk;
}

/// The span that begins at row `row`: the global rows from there on, or rows with local keys.
inline ck_span ck_span_from(const ck_attention *call, long row) {
  const long globals = ck_global_count(call);
  if (row < globals) return ck_span{row, globals - row, row};
  return ck_span{row, ck_min(ck_local_span_rows(call), ck_row_count(call) - row), ck_padded(globals)};
}

/// Keys in working memory at a time, with the padding of both kinds.
inline long ck_key_count(const ck_attention *call) {
  const long globals = ck_global_count(call);
  return ck_padded(globals) + ck_padded(ck_min(ck_local_span_rows(call), ck_row_count(call) - globals));
}

/// Columns that a row, or all rows of a block together, may see: `0 ..< globalEnd` and `localBegin ..< localEnd`.
struct ck_view {
  long globalEnd;
  long localBegin;
  long localEnd;
};

/// What rows of a span see together, given the views of the first and of the last: ends never go back.
inline ck_view ck_joined(ck_view first, ck_view last) {
  return ck_view{last.globalEnd, first.localBegin, last.localEnd};
}

/// The same columns, counted from `begin`.
inline ck_view ck_shifted(ck_view view, long begin) {
  return ck_view{view.globalEnd - begin, view.localBegin - begin, view.localEnd - begin};
}

/// Whether none, or all, of the 16 columns from `column` on are seen.
inline int ck_sees_none(ck_view view, long column) {
  return column >= view.globalEnd && (column >= view.localEnd || column + CK_PANEL <= view.localBegin);
}
inline int ck_sees_all(ck_view view, long column) {
  return column + CK_PANEL <= view.globalEnd
      || (column >= view.localBegin && column + CK_PANEL <= view.localEnd);
}

struct ck_tile {
  /// First row of the sequence, and how many.
  long firstRow;
  long rowCount;
  /// Whether the rows after these give keys that are not loaded yet.
  int endsSpan;
  /// Columns `0 ..< globalColumns` are the keys of the same number; column `c` from there on is key `c + localJump`.
  long globalColumns;
  long columnCount;
  long localJump;
  /// Views of all rows together, of each, and of each `blockRows` together.
  ck_view seen;
  ck_view rows[CK_TILE_ROWS];
  ck_view blocks[CK_TILE_ROWS];
};

/// Row of `packed` where the row lies that comes as many rows after row `r` of the tile as it has: one of the next
/// tile, be it that of the next sequence.
inline long ck_packed_row_ahead(const ck_attention *call, const ck_tile *tile, long r, long sequence) {
  const long row = tile->firstRow + tile->rowCount + r;
  const int isNext = row >= ck_row_count(call);
  return ck_packed_row(call, sequence + isNext, isNext ? row - ck_row_count(call) : row);
}

/// What row `row` of a span sees, in numbers of globals and of the span's locals.
inline ck_view ck_row_view(const ck_attention *call, const ck_span *span, long row) {
  if (call->seesAll) return ck_view{ck_row_count(call), 0, 0};
  if (row < call->firstCount) return ck_view{row + 1, 0, 0};
  const long local = row - call->firstCount;
  const long before = span->firstRow - call->firstCount;
  const long chunk = local / call->chunk;
  const long first = ck_max(chunk * call->chunk, local + 1 - call->window);
  return ck_view{ck_min(chunk + 1, call->firstCount), first - before, local + 1 - before};
}

/// The tile of up to `CK_TILE_ROWS` rows of a span that begins at `firstRow`.
///
/// - blockRows: rows that a product handles at a time.
inline void ck_make_tile(
    const ck_attention *call, const ck_span *span, long firstRow, long blockRows, ck_tile *tile) {
  tile->firstRow = firstRow;
  tile->rowCount = ck_min(CK_TILE_ROWS, span->firstRow + span->rowCount - firstRow);
  tile->endsSpan = firstRow + tile->rowCount == span->firstRow + span->rowCount;

  for (long r = 0; r < tile->rowCount; r++) tile->rows[r] = ck_row_view(call, span, firstRow + r);
  const ck_view all = ck_joined(tile->rows[0], tile->rows[tile->rowCount - 1]);
  const long localPanel = all.localBegin / CK_PANEL * CK_PANEL;
  tile->globalColumns = ck_padded(all.globalEnd);
  tile->columnCount = tile->globalColumns + ck_padded(all.localEnd - localPanel);
  tile->localJump = ck_padded(ck_global_count(call)) + localPanel - tile->globalColumns;

  for (long r = 0; r < tile->rowCount; r++) {
    tile->rows[r].localBegin += tile->globalColumns - localPanel;
    tile->rows[r].localEnd += tile->globalColumns - localPanel;
  }
  tile->seen = ck_joined(tile->rows[0], tile->rows[tile->rowCount - 1]);
  for (long r = 0; r < tile->rowCount; r += blockRows) {
    tile->blocks[r / blockRows] = ck_joined(tile->rows[r], tile->rows[ck_min(r + blockRows, tile->rowCount) - 1]);
  }
}

/// Keys whose gradients have something: global keys `0 ..< globalEnd`, and local keys before `localEnd`.
struct ck_written {
  long globalEnd;
  long localEnd;
};

/// Counts what the rows of a tile see as written.
inline void ck_note_written(ck_written *written, const ck_tile *tile) {
  written->globalEnd = ck_max(written->globalEnd, tile->seen.globalEnd);
  written->localEnd = ck_max(written->localEnd, tile->seen.localEnd + tile->localJump);
}

/// Whether any of the columns `first ..< last`, all global or all local, is seen.
inline int ck_sees_any(ck_view view, long first, long last) {
  return view.globalEnd > first
      || (view.localBegin < view.localEnd && view.localBegin < last && view.localEnd > first);
}

/// Rows `*begin ..< *end` of the tile are those that see any of the columns `first ..< last`, and all rows between.
inline void ck_rows_seeing(const ck_tile *tile, long first, long last, long *begin, long *end) {
  long r = 0;
  long s = tile->rowCount;
  while (r < s && !ck_sees_any(tile->rows[r], first, last)) r++;
  while (s > r && !ck_sees_any(tile->rows[s - 1], first, last)) s--;
  *begin = r;
  *end = s;
}

/// The next `count` floats of working memory, up to whole cache lines.
inline float *ck_take(float **scratch, long count) {
  float *result = *scratch;
  *scratch += ck_padded(count);
  return result;
}

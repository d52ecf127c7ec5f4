// Which rows see which, as intervals: every row sees one interval of the first segment and one of the second, and every
// key is seen by one interval of each. Both ends of an interval never fall from a row to the next, so that the rows of a
// tile see what lies between the begin of its first row and the end of its last. PATTERN is one of `PatternKind`.
#pragma once
#include "KernelArguments.h"
#include "Prelude.cuh"

enum PatternKind { causal, window, blocks, staircase };

/// The calls that the file is compiled for.
constexpr PatternKind kind = PATTERN;

INLINE int quotient(int number, const Divisor &divisor) {
  return int(__umulhi(2 * u32(number), divisor.factor) >> divisor.shift);
}

struct Interval {
  int begin, end;
};

INLINE Interval sameBlock(const AttentionCall &call, int from, int row, int to) {
  const int block = quotient(row, from == 0 ? call.size : call.length);
  const int width = to == 0 ? call.size.value : call.length.value;
  return {block * width, (block + 1) * width};
}

/// Keys of segment `to` that the query `row` of segment `from` sees.
INLINE Interval keysSeen(const AttentionCall &call, int from, int row, int to) {
  if (kind == blocks) return sameBlock(call, from, row, to);
  if (kind == staircase) {
    if (from == 0) return {0, to == 0 ? row + 1 : 0};
    const int chunk = quotient(row, call.size);
    return to == 0 ? Interval{0, chunk + 1} : Interval{chunk * call.size.value, row + 1};
  }
  if (to == 0) return {0, 0};
  return {kind == window ? max(0, row - call.size.value + 1) : 0, row + 1};
}

/// Queries of segment `to` that see the key `row` of segment `from`.
INLINE Interval queriesSeeing(const AttentionCall &call, int from, int row, int to) {
  if (to == 0 && call.dropsFirstQueries) return {0, 0};
  if (kind == blocks) return sameBlock(call, from, row, to);
  if (kind == staircase) {
    if (from == 0) {
      return to == 0 ? Interval{row, call.firstCount}
                     : Interval{min(row * call.size.value, call.secondCount), call.secondCount};
    }
    if (to == 0) return {0, 0};
    return {row, min((quotient(row, call.size) + 1) * call.size.value, call.secondCount)};
  }
  if (to == 0) return {0, 0};
  return {row, kind == window ? min(row + call.size.value, call.secondCount) : call.secondCount};
}

/// Row of the packed memory where a segment of a sequence begins.
INLINE long segmentBegin(const AttentionCall &call, int segment, int sequence) {
  return segment == 0 ? long(sequence) * call.firstCount
                      : long(call.sequenceCount) * call.firstCount + long(sequence) * call.secondCount;
}
/// The same among the rows that have queries.
INLINE long queryBegin(const AttentionCall &call, int segment, int sequence) {
  return segmentBegin(call, segment, sequence) -
         (call.dropsFirstQueries ? long(call.sequenceCount) * call.firstCount : 0);
}
INLINE int segmentRows(const AttentionCall &call, int segment) {
  return segment == 0 ? call.firstCount : call.secondCount;
}

/// The rows that a block of threads owns: a tile of one segment of one sequence.
struct OwnTile {
  int segment, sequence, begin, end;
};

/// Tiles of the second segment first, those with the largest row numbers before others: they see the most keys.
template <int rows>
INLINE OwnTile queryTile(const AttentionCall &call) {
  const int secondTiles = (call.secondCount + rows - 1) / rows;
  const int firstTiles = call.dropsFirstQueries ? 0 : (call.firstCount + rows - 1) / rows;
  const int index = blockIdx.x, sequence = blockIdx.z;
  const bool isSecond = index < secondTiles;
  const int begin = (isSecond ? secondTiles - 1 - index : secondTiles + firstTiles - 1 - index) * rows;
  return {isSecond, sequence, begin, min(begin + rows, isSecond ? call.secondCount : call.firstCount)};
}

/// Tiles of the first segment first: most queries see them.
template <int rows>
INLINE OwnTile keyTile(const AttentionCall &call) {
  const int firstTiles = (call.firstCount + rows - 1) / rows;
  const int index = blockIdx.x, sequence = blockIdx.z;
  const bool isSecond = index >= firstTiles;
  const int begin = (isSecond ? index - firstTiles : index) * rows;
  return {isSecond, sequence, begin, min(begin + rows, isSecond ? call.secondCount : call.firstCount)};
}

/// The tiles of rows that stream past the owned ones: those of the first segment, then those of the second.
template <int rows>
struct Stream {
  Interval whole[2];
  int firstTiles, tiles;

  INLINE Stream(const Interval &first, const Interval &second) {
    whole[0] = first;
    whole[1] = second;
    firstTiles = max(0, first.end - first.begin + rows - 1) / rows;
    tiles = firstTiles + max(0, second.end - second.begin + rows - 1) / rows;
  }
  INLINE int segment(int tile) const { return tile >= firstTiles; }
  INLINE int begin(int tile) const {
    return tile < firstTiles ? whole[0].begin + tile * rows : whole[1].begin + (tile - firstTiles) * rows;
  }
  INLINE int end(int tile) const { return tile < firstTiles ? whole[0].end : whole[1].end; }
};

/// What a warp's rows do with one tile of streaming rows.
struct Visit {
  /// Where the warp's rows are, the first and the last of them, and the segment and first row of the tile.
  int segment, first, last, streamSegment, streamBegin;
  /// Groups of 16 of the tile that any row of the warp sees, or is seen by, and those of them where that is so for all.
  Interval groups, wholeGroups;

  /// - lowest, highest: the intervals of the first and last row. - rows: of the tile.
  INLINE Visit(
    const OwnTile &own, int first, int last, int streamSegment, int streamBegin, const Interval &lowest,
    const Interval &highest, int rows)
    : segment(own.segment), first(first), last(last), streamSegment(streamSegment), streamBegin(streamBegin) {
    const int from = max(lowest.begin - streamBegin, 0), to = min(highest.end - streamBegin, rows);
    groups = {from / 16, from < to ? (to + 15) / 16 : from / 16};
    wholeGroups = {(max(highest.begin - streamBegin, 0) + 15) / 16, min(lowest.end - streamBegin, rows) / 16};
  }
  INLINE bool isEmpty() const { return groups.begin >= groups.end; }
  INLINE bool isWhole(int group) const { return group >= wholeGroups.begin && group < wholeGroups.end; }
  /// The keys of the tile that the warp's row `row` sees, counted from the tile's begin.
  INLINE Interval keys(const AttentionCall &call, int row) const {
    const Interval seen = keysSeen(call, segment, min(first + row, last), streamSegment);
    return {seen.begin - streamBegin, seen.end - streamBegin};
  }
  /// The queries of the tile that see the warp's row `row`.
  INLINE Interval queries(const AttentionCall &call, int row) const {
    const Interval seeing = queriesSeeing(call, segment, min(first + row, last), streamSegment);
    return {seeing.begin - streamBegin, seeing.end - streamBegin};
  }
};

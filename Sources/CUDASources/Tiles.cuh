// Tiles of rows of one head in shared memory, and the tensor cores' operands from them.
//
// A row is HEAD_WIDTH bfloat16 values in pieces of 16 bytes. A piece's place depends on its row, so that the eight rows
// that `ldmatrix` reads at once lie in different banks.
#pragma once
#include "Prelude.cuh"

constexpr int headWidth = HEAD_WIDTH;
constexpr int pieceCount = headWidth / 8;
constexpr int rowBytes = headWidth * 2;
/// Steps of 16 channels.
constexpr int channelSteps = headWidth / 16;
/// Columns of 8 channels in an accumulator.
constexpr int channelTiles = headWidth / 8;

INLINE u32 placeOf(int row, int piece) {
  const int turned = headWidth == 32 ? piece ^ ((row >> 1) & 3) : piece ^ (row & 7);
  return row * rowBytes + turned * 16;
}

INLINE u32 sharedAddress(const void *pointer) { return u32(__cvta_generic_to_shared(pointer)); }

// MARK: Copies that do not wait

/// 16 bytes to shared memory; zeros if not `valid`.
INLINE void copyAsync16(u32 to, const void *from, bool valid) {
  const int size = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(size) : "memory");
}
INLINE void copyAsync4(u32 to, const void *from, bool valid) {
  const int size = valid ? 4 : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(size) : "memory");
}
INLINE void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int Left>
INLINE void waitForCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Left) : "memory");
}

/// Starts the copy of `rows` rows to the tile at `to`; those from `valid` on become zeros.
template <int rows, int threads>
INLINE void copyTile(u32 to, const bf16 *from, int stride, int valid) {
  constexpr int step = threads / pieceCount;
  static_assert(step % 8 == 0 && rows % step == 0, "a thread's rows lie alike in their banks");
  const int row = threadIdx.x / pieceCount, piece = threadIdx.x % pieceCount;
  const u32 place = to + placeOf(row, piece);
  const bf16 *next = from + long(row) * stride + piece * 8;
#pragma unroll
  for (int i = 0; i < rows / step; i++) {
    copyAsync16(place + i * step * rowBytes, next, row + i * step < valid);
    next += step * stride;
  }
}

// MARK: Operands

struct Fragment {
  u32 x[4];
};

INLINE Fragment loadMatrix(u32 address) {
  Fragment f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.x[0]), "=r"(f.x[1]), "=r"(f.x[2]), "=r"(f.x[3])
               : "r"(address)
               : "memory");
  return f;
}
INLINE Fragment loadTransposed(u32 address) {
  Fragment f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.x[0]), "=r"(f.x[1]), "=r"(f.x[2]), "=r"(f.x[3])
               : "r"(address)
               : "memory");
  return f;
}

// `row` is a multiple of 16: a piece's place within a row is that of the row 16 above, so that few addresses do for all.

/// Left operand: 16 rows from `row` on, 16 channels.
INLINE Fragment leftOperand(u32 tile, int row, int step) {
  const int lane = threadIdx.x % 32;
  return loadMatrix(tile + placeOf(lane % 16, step * 2 + lane / 16) + row * rowBytes);
}
/// Right operand of a product over channels: 16 rows from `row` on are 16 columns, in two halves.
INLINE Fragment rowsAsColumns(u32 tile, int row, int step) {
  const int lane = threadIdx.x % 32;
  return loadMatrix(tile + placeOf(lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2) + row * rowBytes);
}
/// Right operand of a product over rows: 16 rows from `row` on, 16 channels as columns, in two halves.
INLINE Fragment rowsAsRows(u32 tile, int row, int step) {
  const int lane = threadIdx.x % 32;
  return loadTransposed(tile + placeOf(lane % 16, step * 2 + lane / 16) + row * rowBytes);
}

struct Accumulator {
  /// Row lane / 4, columns lane % 4 · 2 and the next; then the same of row + 8.
  float x[4];
};

/// `sum += left · right`, 16 by 8 by 16.
INLINE void multiply(Accumulator &sum, const Fragment &left, u32 right0, u32 right1) {
  asm volatile(
    "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
    "{%0, %1, %2, %3};"
    : "+f"(sum.x[0]), "+f"(sum.x[1]), "+f"(sum.x[2]), "+f"(sum.x[3])
    : "r"(left.x[0]), "r"(left.x[1]), "r"(left.x[2]), "r"(left.x[3]), "r"(right0), "r"(right1));
}

/// Two accumulators of neighbouring columns, rounded, as the left operand of the next product.
INLINE Fragment asLeftOperand(const Accumulator &a, const Accumulator &b) {
  return {{pack(a.x[0], a.x[1]), pack(a.x[2], a.x[3]), pack(b.x[0], b.x[1]), pack(b.x[2], b.x[3])}};
}

// MARK: Results

/// Writes 16 rows of a warp's accumulators times `scale[half]` to global memory, by way of the warp's own 16 rows of the
/// tile at `tile`.
INLINE void storeRows(
  const Accumulator (&sums)[channelTiles], const float (&scale)[2], u32 tile, int row, bf16 *to, long stride,
  int valid) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < channelTiles; j++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const u32 both = pack(sums[j].x[half * 2] * scale[half], sums[j].x[half * 2 + 1] * scale[half]);
      const u32 place = tile + placeOf(row + lane / 4 + half * 8, j) + lane % 4 * 4;
      asm volatile("st.shared.b32 [%0], %1;" ::"r"(place), "r"(both) : "memory");
    }
  }
  __syncwarp();
#pragma unroll
  for (int i = 0; i < pieceCount / 2; i++) {
    const int r = (i * 32 + lane) / pieceCount, piece = (i * 32 + lane) % pieceCount;
    uint4 v;
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(tile + placeOf(row + r, piece))
                 : "memory");
    if (r < valid) *reinterpret_cast<uint4 *>(to + r * stride + piece * 8) = v;
  }
  __syncwarp();
}

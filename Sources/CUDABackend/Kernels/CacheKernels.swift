internal import CUDASources
internal import TensorCore

/// Keys and values of rows put into a cache, and attention of rows to a cache, in float32.
struct CacheKernels {
  private static let warpCount = 4

  private let heads: AttentionHeads
  private let slotCount: Int
  private let library: KernelLibrary

  init(_ heads: AttentionHeads, slotCount: Int, library: KernelLibrary) {
    self.heads = heads
    self.slotCount = slotCount
    self.library = library
  }

  private var source: KernelSource {
    KernelSource("CachedAttention.cu", ["HEAD_WIDTH": "\(heads.width)", "ROTARY_WIDTH": "\(heads.rotaryWidth)"])
  }
  private var call: CacheCall {
    CacheCall(
      headCount: Int32(heads.count), keyValueHeadCount: Int32(heads.keyValueCount), slotCount: Int32(slotCount))
  }

  /// A warp for each of some items.
  private func warps(_ items: Int) -> LaunchShape {
    LaunchShape(items: items * 32, threadCount: Self.warpCount * 32)
  }

  /// - Parameters:
  ///   - packed: `[rowCount, q | k | v]`.
  ///   - rows: `[rowCount, 4]` of int32: sequence, slot, position, visible count.
  func append(
    _ packed: DeviceArray, rows: DeviceArray, rowCount: Int, tables: RotationTables, to cache: DeviceArray,
    on stream: CUDAStream
  ) throws(CUDAError) {
    try library.kernel("appendToCache", of: source).launch(
      warps(rowCount * heads.keyValueCount), on: stream, call, tables.heads, packed.address, rows.address,
      cache.address, rowCount)
  }

  /// - Parameters:
  ///   - queries: `[queryCount]` of int32, the rows that attend; nil for all.
  ///   - output: `[queryCount, H·headWidth]`.
  func attend(
    _ packed: DeviceArray, rows: DeviceArray, queries: DeviceArray?, queryCount: Int, tables: RotationTables,
    to cache: DeviceArray, output: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    try library.kernel("attendToCache", of: source).launch(
      warps(queryCount * heads.count), on: stream, call, tables.heads, packed.address, rows.address,
      queries?.address ?? 0, cache.address, output.address, queryCount)
  }
}

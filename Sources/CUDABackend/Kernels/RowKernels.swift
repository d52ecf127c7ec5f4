/// Rows gathered and scattered by index: embeddings and their gradients. Lists of rows are of int32; nil stands for one row
/// after the other.
package struct RowKernels {
  private static let source = KernelSource("Rows.cu")
  /// Keys that a block of the sort has.
  private static let blockKeys = 2048
  private static let digitBits = 8

  private let library: KernelLibrary

  package init(library: KernelLibrary) {
    self.library = library
  }

  /// `destination[destinationRows[i]] = source[sourceRows[i]]` for `count` rows of `width` elements of one type.
  package func copy(
    _ source: DeviceArray, _ sourceRows: DeviceArray?, to destination: DeviceArray, _ destinationRows: DeviceArray?,
    width: Int, count: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(source.type == destination.type, "rows: \(source.type) to \(destination.type)")
    let byteCount = width * source.type.byteCount
    let isAligned = min(source.alignment, destination.alignment) >= 16
    let unit = isAligned && byteCount % 16 == 0 ? 16 : byteCount % 4 == 0 && source.type != .bfloat16 ? 4 : 2
    let (units, lanes) = (byteCount / unit, Self.laneCount(byteCount / unit))
    try library.kernel("copyRows\(unit)", of: Self.source).launch(
      LaunchShape(items: count * lanes), on: stream, source.address, sourceRows?.address ?? 0, destination.address,
      destinationRows?.address ?? 0, units, Int32(lanes), count)
  }

  /// Scratch that ``add`` needs for `count` listed rows, in numbers of int32.
  package static func scratchCount(_ count: Int) -> Int { 4 * count + 256 * blockCount(count) }

  /// `destination[destinationRows[i]] += source[sourceRows[i]]`, in the order of `i` for equal destination rows; of float32.
  ///
  /// - Parameters:
  ///   - rowCount: of the destination.
  ///   - frozenRow: a destination row that stays as it is.
  ///   - scratch: of int32, ``scratchCount(_:)``; unused where the destination's rows are not listed.
  package func add(
    _ source: DeviceArray, _ sourceRows: DeviceArray?, to destination: DeviceArray, _ destinationRows: DeviceArray?,
    width: Int, rowCount: Int, count: Int, skipping frozenRow: Int? = nil, scratch: DeviceArray,
    on stream: CUDAStream
  ) throws(CUDAError) {
    guard count > 0, width > 0 else { return }
    guard let destinationRows else {
      let lanes = Self.laneCount(width)
      return try library.kernel("addRows", of: Self.source).launch(
        LaunchShape(items: count * lanes), on: stream, source.address, sourceRows?.address ?? 0, destination.address,
        width, Int32(lanes), count, frozenRow ?? -1)
    }
    let sorted = try sort(destinationRows, below: rowCount, count: count, scratch: scratch, on: stream)
    try library.kernel("addSortedRows", of: Self.source).launch(
      LaunchShape(x: (count + 7) / 8, y: (width + 31) / 32, threadCount: 256), on: stream, source.address,
      sourceRows?.address ?? 0, sorted.keys.address, sorted.entries.address, destination.address, width, count,
      frozenRow ?? -1)
  }

  /// The keys in order, and the entries that they are of; those of equal keys in theirs.
  private func sort(
    _ keys: DeviceArray, below limit: Int, count: Int, scratch: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) -> (keys: DeviceArray, entries: DeviceArray) {
    precondition(scratch.count >= Self.scratchCount(count), "rows: scratch \(scratch.count) for \(count) rows")
    let pieces = (0..<5).map { scratch.from($0 * count) }
    let (counts, blocks) = (pieces[4], Self.blockCount(count))
    let launch = LaunchShape(x: blocks, threadCount: 256)
    let passCount = max(1, (Int.bitWidth - max(0, limit - 1).leadingZeroBitCount + Self.digitBits - 1) / Self.digitBits)
    var current: (keys: DeviceArray, entries: DeviceArray?) = (keys, nil)
    for pass in 0..<passCount {
      let next = (pieces[2 * (pass % 2)], pieces[2 * (pass % 2) + 1])
      let shift = Int32(pass * Self.digitBits)
      try library.kernel("countDigits", of: Self.source)
        .launch(launch, on: stream, current.keys.address, count, shift, counts.address)
      try library.kernel("sumBefore", of: Self.source)
        .launch(LaunchShape(x: 1, threadCount: 1024), on: stream, counts.address, Int32(256 * blocks))
      try library.kernel("placeKeys", of: Self.source).launch(
        launch, on: stream, current.keys.address, current.entries?.address ?? 0, count, shift, counts.address,
        next.0.address, next.1.address)
      current = (next.0, next.1)
    }
    guard let entries = current.entries else { preconditionFailure("rows: a sort without a pass") }
    return (current.keys, entries)
  }

  private static func blockCount(_ count: Int) -> Int { (count + blockKeys - 1) / blockKeys }

  /// Threads that share a row: a power of two, at most a warp.
  private static func laneCount(_ units: Int) -> Int {
    var lanes = 1
    while lanes < units, lanes < 32 { lanes *= 2 }
    return lanes
  }
}

/// Which rows are added to which, sorted so that one block of threads owns each destination: sums have a fixed order.
package struct RowSegments {
  let sourceRows: DeviceArray
  let starts: DeviceArray
  let destinationRows: DeviceArray
  var segmentCount: Int { destinationRows.count }

  /// - Parameter destinationRows: where source row `i` goes.
  package init(destinationRows: [Int32], device: CUDADevice, on stream: CUDAStream) throws(CUDAError) {
    let order = destinationRows.indices.sorted { (destinationRows[$0], $0) < (destinationRows[$1], $1) }
    var (starts, rows): ([Int32], [Int32]) = ([], [])
    for (place, index) in order.enumerated() where rows.last != destinationRows[index] {
      starts.append(Int32(place))
      rows.append(destinationRows[index])
    }
    starts.append(Int32(order.count))
    self.sourceRows = try Self.array(order.map { Int32($0) }, device, stream)
    self.starts = try Self.array(starts, device, stream)
    self.destinationRows = try Self.array(rows, device, stream)
  }

  private static func array(
    _ values: [Int32], _ device: CUDADevice, _ stream: CUDAStream
  ) throws(CUDAError) -> DeviceArray {
    let array = try DeviceArray(device, .int32, count: values.count)
    try array.upload(values, on: stream)
    return array
  }
}

/// Rows gathered and scattered by index: embeddings and their gradients.
package struct RowKernels {
  private let copyKernel: Kernel
  private let addKernel: Kernel

  /// - Parameters:
  ///   - source: type of the rows that are read.
  ///   - destination: of those that are written or added to.
  package init(
    source: DeviceType, destination: DeviceType, device: CUDADevice, cache: KernelCache
  ) throws(CUDAError) {
    let module = try KernelModule(
      KernelSource("Rows.cu", ["SOURCE": source.sourceName, "DESTINATION": destination.sourceName]),
      device: device, cache: cache)
    copyKernel = try module.kernel("copyRows")
    addKernel = try module.kernel("addRowSegments")
  }

  /// `destination[destinationRows[i]] = source[sourceRows[i]]`; rows of `width` elements, a multiple of 8.
  package func copy(
    _ source: DeviceArray, _ sourceRows: DeviceArray, to destination: DeviceArray, _ destinationRows: DeviceArray,
    width: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(width % 8 == 0, "rows: width \(width) is no multiple of 8")
    try copyKernel.launch(
      LaunchShape(x: (sourceRows.count + 7) / 8, threadCount: 256), on: stream, source.address, sourceRows.address,
      destination.address, destinationRows.address, Int32(width), sourceRows.count)
  }

  /// Adds row `i` of `source` to the row of `destination` that `segments` was made for.
  package func add(
    _ source: DeviceArray, to destination: DeviceArray, _ segments: RowSegments, width: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(width % 8 == 0, "rows: width \(width) is no multiple of 8")
    try addKernel.launch(
      LaunchShape(x: segments.segmentCount, threadCount: 256), on: stream, source.address,
      segments.sourceRows.address, segments.starts.address, segments.destinationRows.address, destination.address,
      Int32(width))
  }
}

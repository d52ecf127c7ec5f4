package import TensorCore

/// Checks every kernel of a GPU against the processor's, then times it beside the device's own ceilings.
package struct DeviceBenchmark {
  private static let copyBytes = 1 << 30
  private static let productWidth = 8192

  private let library: KernelLibrary
  private let stream: CUDAStream
  private let timer: DeviceTimer
  private let reference: HostReference
  private let cases: DeviceCases
  private let filter: String

  /// - Parameters:
  ///   - seconds: how long each kernel is timed, about.
  ///   - filter: times only kernels whose name contains it; empty for all. All are checked.
  ///   - reference: what results are compared with; in float32.
  package init(
    _ size: DeviceBenchmarkSize, chunkSize: Int, seconds: Double, filter: String, reference: any Backend,
    cache: KernelCache = KernelCache()
  ) throws(CUDAError) {
    library = KernelLibrary(try CUDADevice(), cache: cache)
    stream = try CUDAStream(library.device)
    timer = try DeviceTimer(stream: stream, seconds: seconds)
    self.reference = HostReference(backend: reference)
    cases = DeviceCases(library: library, stream: stream, size: size, chunkSize: chunkSize)
    self.filter = filter
  }

  /// - Parameter report: told what comes next.
  package func run(report: (String) -> Void) throws(CUDAError) -> DeviceReport {
    report("checks")
    let checks = try DeviceChecks(library: library, stream: stream, reference: reference).all()
    report("ceilings")
    var ceilings = DeviceCeilings()
    ceilings.copyRate = try copyRate()
    ceilings.productRate = try productRate()
    var measurements: [DeviceMeasurement] = []
    for group in DeviceCases.Group.allCases {
      for item in try cases.cases(group) where filter.isEmpty || item.name.contains(filter) {
        report(item.name)
        measurements.append(
          DeviceMeasurement(
            name: item.name, shape: item.shape, work: item.work, times: try timer.times(item.call), usage: item.usage))
      }
    }
    return DeviceReport(deviceName: library.device.name, ceilings: ceilings, checks: checks, measurements: measurements)
  }

  /// Bytes a second that a copy reads and writes, of memory that no cache holds.
  private func copyRate() throws(CUDAError) -> Double {
    let arrays = [try random(Self.copyBytes / 2), try random(Self.copyBytes / 2)]
    let times = try timer.times { () throws(CUDAError) in try arrays[0].copy(to: arrays[1], on: stream) }
    return 2 * Double(Self.copyBytes) / times.median
  }

  /// Operations a second of a large product in bfloat16.
  private func productRate() throws(CUDAError) -> Double {
    let (n, products) = (Self.productWidth, try DeviceProducts(library))
    let square = { () throws(CUDAError) in DeviceMatrix(try random(n * n), rowCount: n, columnCount: n) }
    let (a, b, c) = (try square(), try square(), try square())
    let times = try timer.times { () throws(CUDAError) in
      try products.multiply(a, b.transposed, into: c, on: stream)
    }
    return 2 * Double(n) * Double(n) * Double(n) / times.median
  }

  private func random(_ count: Int) throws(CUDAError) -> DeviceArray {
    let array = try DeviceArray(library.device, .bfloat16, count: count)
    try ElementKernels(library: library).fillRandom(array, scale: 1, seed: 1, on: stream)
    return array
  }
}

import ArgumentParser
import CPUBackend
import CUDABackend
import JSON
import Telemetry

/// Whose kernels are timed.
enum KernelDevice: String, CaseIterable, ExpressibleByArgument {
  case cpu, cuda
}

/// What `benchmark kernels --device cuda` does: checks a GPU's kernels against the processor's, times them, prints both.
struct DeviceKernels {
  let size: DeviceBenchmarkSize
  let chunkSize: Int
  let seconds: Double
  let filter: String
  /// Of the processor's kernels that results are compared with.
  let threadCount: Int

  /// - Parameter json: one object, instead of a table.
  func run(json: Bool) throws {
    let benchmark = try DeviceBenchmark(
      size, chunkSize: chunkSize, seconds: seconds, filter: filter,
      reference: Host.makeBackend(threadCount: threadCount))
    let console = Console.standardError
    let report = try benchmark.run { name in
      if console.isTerminal { console.show(status: name) }
    }
    console.endStatus()
    try Output.print(json ? object(report).json() : text(report))
    let wrong = report.checks.filter { !$0.passes }
    guard wrong.isEmpty else { throw WrongKernels(wrong, checkCount: report.checks.count) }
    guard !report.measurements.isEmpty else {
      throw UserError("--only: found \(filter), allowed: part of a kernel's name")
    }
  }

  // MARK: Output

  private func text(_ report: DeviceReport) -> String {
    let tera = { (rate: Double) in Format.fixed(rate / 1e12, digits: 2) }
    let largest = report.checks.max { $0.error / $0.bound < $1.error / $1.bound }
    let head = [
      "\(report.deviceName), size \(size.rawValue), C = \(chunkSize)",
      "copy \(tera(report.ceilings.copyRate)) TB/s, products \(tera(report.ceilings.productRate)) TFLOP/s in bfloat16",
      "\(report.checks.count(where: \.passes)) of \(report.checks.count) checks against the processor passed"
        + (largest.map { "; nearest to its bound: \($0.name), \(Self.error($0))" } ?? ""), "",
    ]
    var table = TextTable(
      ["kernel", "size", "us", "TFLOP/s", "TB/s", "of floor", "registers", "warps"], textColumns: 2)
    for kernel in report.measurements {
      let seconds = kernel.times.median
      table.add([
        kernel.name, kernel.shape, Format.fixed(seconds * 1e6, digits: 0),
        kernel.work.operations > 0 ? Format.fixed(kernel.work.operations / seconds / 1e12, digits: 0) : "",
        tera(kernel.work.bytes / seconds), Format.fixed(kernel.share(of: report.ceilings), digits: 2),
        kernel.usage.map { "\($0.registerCount)" } ?? "", kernel.usage.map { "\($0.warpCount)" } ?? "",
      ])
    }
    return (head + [table.text]).joined(separator: "\n")
  }

  /// An error and its bound.
  fileprivate static func error(_ check: DeviceCheck) -> String {
    "error \(Format.scientific(check.error, digits: 1)), bound \(Format.scientific(check.bound, digits: 1))"
  }

  private func object(_ report: DeviceReport) -> JSONValue {
    [
      "device": .text(report.deviceName), "size": .text(size.rawValue), "chunk_size": .integer(chunkSize),
      "ceilings": [
        "copy_bytes_per_second": .number(report.ceilings.copyRate),
        "product_operations_per_second": .number(report.ceilings.productRate),
      ],
      "checks": .list(
        report.checks.map {
          [
            "name": .text($0.name), "error": .number($0.error.isFinite ? $0.error : .greatestFiniteMagnitude),
            "bound": .number($0.bound), "passes": .flag($0.passes),
          ]
        }), "kernels": .list(report.measurements.map { object($0, report.ceilings) }),
    ]
  }

  private func object(_ kernel: DeviceMeasurement, _ ceilings: DeviceCeilings) -> JSONValue {
    var entries: [JSONValue.Entry] = [
      .init(key: "kernel", value: .text(kernel.name)), .init(key: "shape", value: .text(kernel.shape)),
      .init(key: "seconds", value: .number(kernel.times.median)),
      .init(key: "fastest_seconds", value: .number(kernel.times.fastest)),
      .init(key: "calls", value: .integer(kernel.times.count)),
      .init(key: "operations", value: .number(kernel.work.operations)),
      .init(key: "tile_operations", value: .number(kernel.work.tileOperations)),
      .init(key: "bytes", value: .number(kernel.work.bytes)),
      .init(key: "floor_seconds", value: .number(kernel.work.floor(ceilings))),
      .init(key: "share_of_floor", value: .number(kernel.share(of: ceilings))),
    ]
    if let usage = kernel.usage {
      entries += [
        .init(key: "registers", value: .integer(usage.registerCount)),
        .init(key: "local_bytes", value: .integer(usage.localBytes)),
        .init(key: "shared_bytes", value: .integer(usage.sharedBytes)),
        .init(key: "warps_per_multiprocessor", value: .integer(usage.warpCount)),
      ]
    }
    return .mapping(entries)
  }
}

/// Kernels whose results are not what the processor's are.
struct WrongKernels: Error, CustomStringConvertible {
  let description: String

  /// - Parameter checks: those that failed, at least one.
  init(_ checks: [DeviceCheck], checkCount: Int) {
    let worst = checks.max { $0.error / $0.bound < $1.error / $1.bound }
    description =
      "\(checks.count) of \(checkCount) checks against the processor failed; worst: "
      + (worst.map { "\($0.name), \(DeviceKernels.error($0))" } ?? "none")
  }
}

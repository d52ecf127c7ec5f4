import Benchmarks
import JSON
import Telemetry
import TensorCore

/// How timed kernels are printed.
enum KernelTable {
  static func text(
    _ ceilings: Ceilings, _ kernels: [KernelMeasurement], precision: ProductPrecision, equipment: String
  ) -> String {
    let giga = { (rate: Double) in Format.fixed(rate / 1e9, digits: 1) }
    let product = { (precision: ProductPrecision) in
      let fastest = ceilings.product(precision)
      return "\(giga(fastest.rate)) GFLOP/s in \(precision.rawValue) (\(fastest.shape))"
    }
    let head = [
      "\(Host.processorName), \(equipment)",
      "memory: copy \(giga(ceilings.copyRate)) GB/s, triad \(giga(ceilings.triadRate)) GB/s",
      "products: \(product(precision))"
        + (precision == .float32 ? "" : "; the ceiling of attention: \(product(.float32))"), "",
    ]
    var table = TextTable(["kernel", "size", "ms", "GFLOP/s", "GB/s", "of ceiling"], textColumns: 2)
    for kernel in kernels {
      let rate = giga(kernel.rate)
      let isArithmetic = if case .operations = kernel.work { true } else { false }
      table.add([
        kernel.name, kernel.shape, Format.fixed(kernel.times.fastest * 1e3, digits: 3), isArithmetic ? rate : "",
        isArithmetic ? "" : rate, Format.fixed(kernel.share(of: ceilings), digits: 2),
      ])
    }
    return (head + [table.text]).joined(separator: "\n")
  }

  static func object(_ kernel: KernelMeasurement, _ ceilings: Ceilings) -> JSONValue {
    let work: [JSONValue.Entry] =
      switch kernel.work {
      case .operations(let count, let precision):
        [
          .init(key: "precision", value: .text(precision.rawValue)),
          .init(key: "operations", value: .number(count)),
          .init(key: "operations_per_second", value: .number(kernel.rate)),
        ]
      case .bytes(let count):
        [.init(key: "bytes", value: .number(count)), .init(key: "bytes_per_second", value: .number(kernel.rate))]
      }
    let entries: [JSONValue.Entry] =
      [
        .init(key: "kernel", value: .text(kernel.name)), .init(key: "shape", value: .text(kernel.shape)),
        .init(key: "seconds", value: .number(kernel.times.fastest)),
        .init(key: "median_seconds", value: .number(kernel.times.median)),
        .init(key: "calls", value: .integer(kernel.times.count)),
      ] + work + [.init(key: "share_of_ceiling", value: .number(kernel.share(of: ceilings)))]
    return .mapping(entries)
  }
}

import ArgumentParser
import CPUBackend
import Telemetry
import TensorCore

/// The option `--precision`.
struct PrecisionOption: ParsableArguments {
  @Option(help: "float32 or bfloat16: what the operands of matrix products are rounded to.")
  var precision = ProductPrecision.float32

  /// What a result was measured with, in words.
  var text: String { "products in \(precision.rawValue)" }

  /// Says so when the precision gains nothing on this processor.
  func warnIfSlow() {
    guard let reason = Host.slowness(of: precision, at: .highest(for: precision)) else { return }
    Console.standardError.print("catlm: --precision \(precision.rawValue): \(reason)")
  }
}

extension ProductPrecision: ExpressibleByArgument {}

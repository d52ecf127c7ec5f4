import ArgumentParser
import TensorCore

/// The option `--precision`.
struct PrecisionOption: ParsableArguments {
  @Option(help: "float32 or bfloat16: what the operands of matrix products are rounded to.")
  var precision = ProductPrecision.float32

  /// What a result was measured with, in words.
  var text: String { "products in \(precision.rawValue)" }
}

extension ProductPrecision: ExpressibleByArgument {}

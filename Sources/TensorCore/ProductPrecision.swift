/// What the operands of matrix products are rounded to. Their sums, the weights, and all that is not stored for products
/// alone are single precision.
package enum ProductPrecision: String, CaseIterable, Hashable, Sendable {
  case float32
  /// 8 bits of significand, the range of single precision.
  case bfloat16
}

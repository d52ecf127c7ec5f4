/// What the operands of matrix products are rounded to. Their sums, the weights, and all that is not stored for products
/// alone are single precision.
package enum ProductPrecision: String, CaseIterable, Hashable, Sendable {
  case float32
  /// 8 bits of significand, the range of single precision.
  case bfloat16
}

/// What a tape stores the results of a pass in. Weights, their gradients, moments and sums are single precision whatever
/// it says.
package struct TapeTypes: Hashable, Sendable {
  /// The stream that runs through the blocks: embeddings, and what blocks add to them.
  package var residual: DType
  /// Results that only products and the kernels next to them read.
  package var activations: DType
  /// Gradients of results that are not single precision themselves.
  package var gradients: DType

  package init(residual: DType, activations: DType, gradients: DType) {
    self.residual = residual
    self.activations = activations
    self.gradients = gradients
  }

  /// Activations and their gradients as products round them, all else in single precision.
  package init(_ precision: ProductPrecision) {
    let operands: DType =
      switch precision {
      case .float32: .float32
      case .bfloat16: .bfloat16
      }
    self.init(residual: .float32, activations: operands, gradients: operands)
  }

  /// Type of the gradient of a result.
  func gradient(of dtype: DType) -> DType { dtype == .float32 ? .float32 : gradients }
}

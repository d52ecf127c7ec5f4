/// Where a tensor's gradient goes, without the tensor.
///
/// An op whose backward pass does not read a tensor's values keeps this of it, so that the memory is free for others.
struct GradientPlace {
  let origin: Tensor.Origin
  /// As the tensor's.
  let offset: Int
  let shape: [Int]
  let dtype: DType

  var count: Int { shape.reduce(1, *) }

  /// The gradient of a parameter, same shape.
  var parameterGradient: Tensor? {
    guard case .parameter(let gradient) = origin else { return nil }
    return Tensor(storage: gradient, offset: offset, shape: shape)
  }
}

extension Tensor {
  var place: GradientPlace { GradientPlace(origin: origin, offset: offset, shape: shape, dtype: dtype) }
}

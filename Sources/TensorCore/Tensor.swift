/// A dense, row-major array in a backend's memory.
///
/// A tensor is a value that refers to shared ``Storage``. It is not `Sendable`: one thread steers a rank.
package struct Tensor {
  /// Where a tensor's gradient goes.
  package enum Origin {
    /// No gradient is wanted.
    case constant
    /// A parameter: its gradient lies at the same offset of this storage and is accumulated there.
    case parameter(gradient: Storage)
    /// The result of an op: the slot that the tape gave it.
    case slot(Int)
  }

  package let storage: Storage
  /// First element, counted from the start of the storage.
  package let offset: Int
  package let shape: [Int]
  package let dtype: DType
  package let origin: Origin

  package init(
    storage: Storage, offset: Int = 0, shape: [Int], dtype: DType = .float32, origin: Origin = .constant
  ) {
    let count = shape.reduce(1, *)
    precondition(
      (offset + count) * dtype.byteCount <= storage.byteCount,
      "tensor: \(shape) at \(offset) does not fit into \(storage.byteCount) bytes")
    self.storage = storage
    self.offset = offset
    self.shape = shape
    self.dtype = dtype
    self.origin = origin
  }

  /// Number of elements.
  package var count: Int { shape.reduce(1, *) }

  /// Size of the first dimension.
  package var rowCount: Int { shape.first ?? 1 }

  /// Elements in one entry of the first dimension.
  package var rowWidth: Int { shape.dropFirst().reduce(1, *) }

  /// The same elements under another shape.
  package func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "reshape: \(self.shape) to \(shape)")
    return Tensor(storage: storage, offset: offset, shape: shape, dtype: dtype, origin: origin)
  }

  /// The same memory as a value that no gradient flows to.
  var withoutOrigin: Tensor { Tensor(storage: storage, offset: offset, shape: shape, dtype: dtype) }

  /// Entries `range` of the first dimension, sharing memory. The tape does not see this: only parameters keep their origin.
  package func rows(_ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rowCount, "rows: \(range) of \(shape)")
    let keptOrigin: Origin = if case .parameter = origin { origin } else { .constant }
    return Tensor(
      storage: storage, offset: offset + range.lowerBound * rowWidth, shape: [range.count] + shape.dropFirst(),
      dtype: dtype, origin: keptOrigin)
  }

  /// Whether this is a parameter that is trained, or rows of one.
  package var isParameter: Bool {
    if case .parameter = origin { true } else { false }
  }

  /// The gradient of a parameter, same shape.
  package var parameterGradient: Tensor? { place.parameterGradient }
}

/// The element type of a tensor.
package enum DType: String, Hashable, Sendable {
  case float32
  /// The upper half of a single: 8 bits of significand. What only products and the kernels beside them read may be
  /// stored so; see ``TapeTypes``.
  case bfloat16
  /// Numbers of rows, tokens and targets.
  case int32
  /// Sums over a step and what follows from them: a few numbers, never the elements that they are made of.
  case float64

  /// Bytes that one element takes.
  package var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .bfloat16: 2
    case .float64: 8
    }
  }
}

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

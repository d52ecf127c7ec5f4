package import TensorCore

/// How far `actual` is from `expected`.
///
/// - Returns: the largest absolute difference and where it is (0 if there are no elements), and the root of the sum of
///   squared differences over that of the squared expectations (the former itself if all expectations are zero).
///   A not-a-number counts as an infinite difference.
package func closeness(
  of actual: [Float], to expected: [Float]
) -> (largestDifference: Double, index: Int, relativeL2: Double) {
  precondition(actual.count == expected.count, "closeness: \(actual.count) against \(expected.count)")
  var largest = 0.0
  var index = 0
  var squaredDifferences = 0.0
  var squares = 0.0
  for i in actual.indices where actual[i] != expected[i] || expected[i].isFinite {
    let difference = abs(Double(actual[i]) - Double(expected[i]))
    let counted = difference.isNaN ? .infinity : difference
    if counted > largest { (largest, index) = (counted, i) }
    squaredDifferences += counted * counted
    squares += Double(expected[i]) * Double(expected[i])
  }
  let distance = squaredDifferences.squareRoot()
  let relative = squares > 0 && squares.isFinite ? distance / squares.squareRoot() : distance
  return (largest, index, relative)
}

/// All elements of a tensor, row-major.
package func floats(_ tensor: Tensor) -> [Float] { tensor.values }

/// A new tensor that holds `values`, row-major.
package func tensor(_ values: [Float], _ shape: [Int], on backend: any Backend) -> Tensor {
  Tensor(values, shape: shape, backend: backend)
}

extension Tensor {
  /// Overwrites one element, counted in row-major order.
  package func set(_ index: Int, to value: Float) {
    reshaped([count]).rows(index..<index + 1).assign([value])
  }
}

/// Evenly distributed values in `-scale ..< scale`, the same ones for the same seed.
///
/// - Source: the finaliser of SplitMix64.
package func testValues(count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
  var state = seed
  return (0..<count).map { _ in
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    bits ^= bits >> 31
    return scale * (Float(bits >> 40) / Float(1 << 23) - 1)
  }
}

/// One over the root of the mean square plus epsilon.
func inverseRootMeanSquare(_ x: [Double], epsilon: Float) -> Double {
  1 / (dot(x, x) / Double(x.count) + Double(epsilon)).squareRoot()
}

/// Gradient of `weight · x · inverse` with respect to `x`, where `inverse` depends on `x` as above.
func normGradient(_ x: [Double], inverse: Double, weight: [Double], outputGradient: [Double]) -> [Double] {
  let normed = x.map { $0 * inverse }
  let weighted = zip(outputGradient, weight).map { $0 * $1 }
  let mean = dot(weighted, normed) / Double(x.count)
  return zip(weighted, normed).map { inverse * ($0 - $1 * mean) }
}

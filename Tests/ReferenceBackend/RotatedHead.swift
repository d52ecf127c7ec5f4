internal import TensorCore

/// A query or key head of one row: as projected, and normed and rotated.
struct RotatedHead {
  let rotated: [Double]

  private let projected: [Double]
  private let inverse: Double
  private let weight: [Double]?
  private let cosines: [Double]
  private let sines: [Double]

  init(_ projected: [Double], norm: Tensor?, tables: AttentionTables, position: Int) {
    self.projected = projected
    inverse = inverseRootMeanSquare(projected, epsilon: tables.normEpsilon)
    weight = norm.map { norm in (0..<norm.count).map { norm[$0] } }
    cosines = tables.cosines[row: position]
    sines = tables.sines[row: position]
    var normed = projected
    if let weight {
      for i in normed.indices { normed[i] *= inverse * weight[i] }
    }
    rotated = Self.rotate(normed, cosines: cosines, sines: sines)
  }

  /// Gradients with respect to the projected head and to the norm's weight, from that of the rotated head.
  func gradients(_ rotatedGradient: [Double]) -> (projected: [Double], weight: [Double]) {
    let normedGradient = Self.rotate(rotatedGradient, cosines: cosines, sines: sines.map { -$0 })
    guard let weight else { return (normedGradient, []) }
    let weightGradient = projected.indices.map { normedGradient[$0] * projected[$0] * inverse }
    let projectedGradient = normGradient(
      projected, inverse: inverse, weight: weight, outputGradient: normedGradient)
    return (projectedGradient, weightGradient)
  }

  private static func rotate(_ x: [Double], cosines: [Double], sines: [Double]) -> [Double] {
    let half = cosines.count
    var result = x
    for i in 0..<half {
      result[i] = x[i] * cosines[i] - x[i + half] * sines[i]
      result[i + half] = x[i + half] * cosines[i] + x[i] * sines[i]
    }
    return result
  }
}

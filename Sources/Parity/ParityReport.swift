/// How far one quantity is from its reference.
package struct ParityRow: Hashable, Sendable {
  /// `logits`, `loss`, `compressed`, `gradient`, `tokens`, `weights`.
  package let quantity: String
  /// The tensor, for gradients and weights.
  package let tensor: String?
  package let chunkSize: Int?
  package let error: Double
  /// Largest error that counts as equal.
  package let bound: Double

  package var holds: Bool { error <= bound }
}

/// All comparisons of one directory of reference tensors.
package struct ParityReport: Sendable {
  package let directory: String
  package internal(set) var rows: [ParityRow] = []

  package var holds: Bool { !rows.isEmpty && rows.allSatisfy(\.holds) }

  /// The rows with the largest error relative to its bound, one for each quantity.
  package var worst: [ParityRow] {
    var worst: [String: ParityRow] = [:]
    for row in rows {
      if let other = worst[row.quantity], other.error / other.bound >= row.error / row.bound { continue }
      worst[row.quantity] = row
    }
    return worst.values.sorted { $0.quantity < $1.quantity }
  }

  mutating func add(
    _ quantity: String, tensor: String? = nil, chunkSize: Int?, error: Double, bound: Double
  ) {
    // Not a number is farther than anything.
    let error = error.isNaN ? .infinity : error
    rows.append(ParityRow(quantity: quantity, tensor: tensor, chunkSize: chunkSize, error: error, bound: bound))
  }
}

/// Errors that count as equal in single precision.
enum ParityBounds {
  /// Of the largest reference logit.
  static let logits = 2e-5
  static let loss = 1e-5
  /// Relative L2.
  static let gradient = 1e-4
  /// Relative L2 after a whole trajectory of updates.
  static let weights = 1e-4
}

/// Distances between two lists of numbers.
enum Distance {
  /// Largest difference as a share of the largest reference value.
  static func largest(_ values: some Collection<Float>, from reference: some Collection<Float>) -> Double {
    guard values.count == reference.count else { return .infinity }
    let scale = reference.reduce(0) { max($0, abs(Double($1))) }
    let difference = zip(values, reference).reduce(0) { largest, pair in
      let difference = abs(Double(pair.0) - Double(pair.1))
      return difference.isNaN ? .infinity : max(largest, difference)
    }
    return difference == 0 ? 0 : difference / scale
  }

  /// Norm of the difference as a share of the reference's norm; where that is zero, ours must be as well.
  static func relativeL2(_ values: some Collection<Float>, from reference: some Collection<Float>) -> Double {
    guard values.count == reference.count else { return .infinity }
    let difference = zip(values, reference).reduce(0) { sum, pair in
      sum + (Double(pair.0) - Double(pair.1)) * (Double(pair.0) - Double(pair.1))
    }
    let norm = reference.reduce(0) { $0 + Double($1) * Double($1) }
    return difference == 0 ? 0 : (difference / norm).squareRoot()
  }
}

/// A directory that cannot be compared.
package struct ParityError: Error, CustomStringConvertible {
  package let description: String

  init(_ directory: String, _ problem: String) {
    description = "\(directory): \(problem)"
  }
}

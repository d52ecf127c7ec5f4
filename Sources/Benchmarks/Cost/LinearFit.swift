/// `value ≈ Σ coefficientᵢ · inputᵢ` with the smallest sum of squared relative errors.
///
/// Errors are relative, as times of steps differ by a factor of fifty and the small ones count as much as the large.
package struct LinearFit: Hashable, Sendable {
  package let coefficients: [Double]

  /// - Parameters:
  ///   - inputs: a row for each value, all of one length.
  ///   - values: above 0.
  /// - Returns: nil where the values do not determine the coefficients.
  package init?(inputs: [[Double]], values: [Double]) {
    precondition(inputs.count == values.count, "fit: \(inputs.count) inputs for \(values.count) values")
    let width = inputs.first?.count ?? 0
    guard width > 0, values.count >= width else { return nil }
    // Columns of about 1, so that sums of squares lose no digits.
    let scales = (0..<width).map { column in inputs.map { abs($0[column]) }.max() ?? 0 }
    guard scales.allSatisfy({ $0 > 0 }) else { return nil }
    let rows = zip(inputs, values).map { input, value in zip(input, scales).map { $0 / $1 / value } }
    var system = (0..<width).map { i in
      let products = (0..<width).map { j in rows.reduce(0) { $0 + $1[i] * $1[j] } }
      return products + [rows.reduce(0) { $0 + $1[i] }]
    }
    guard let solution = Self.solve(&system) else { return nil }
    coefficients = zip(solution, scales).map { $0 / $1 }
  }

  package func value(at input: [Double]) -> Double {
    zip(coefficients, input).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Gauss–Jordan elimination of `[n, n + 1]`, the largest pivot of a column first; nil if the system is singular.
  private static func solve(_ system: inout [[Double]]) -> [Double]? {
    let largest = system.joined().map { abs($0) }.max() ?? 0
    for column in system.indices {
      guard let pivot = (column..<system.count).max(by: { abs(system[$0][column]) < abs(system[$1][column]) }),
        abs(system[pivot][column]) > 1e-12 * largest
      else { return nil }
      system.swapAt(column, pivot)
      for row in system.indices where row != column {
        let factor = system[row][column] / system[column][column]
        for i in column...system.count { system[row][i] -= factor * system[column][i] }
      }
    }
    return system.indices.map { system[$0][system.count] / system[$0][$0] }
  }
}

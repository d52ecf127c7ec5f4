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

  /// The same among coefficients of which none is negative: some are 0 where the best of all has negative ones.
  ///
  /// - Returns: nil where the values do not determine the coefficients, or no such coefficients help.
  package init?(notNegative inputs: [[Double]], values: [Double]) {
    guard let best = Self(inputs: inputs, values: values) else { return nil }
    let width = best.coefficients.count
    // The best such fit is the best of all for the columns that it uses: few enough to try every choice of them.
    let choices = (1..<1 << width).map { mask in (0..<width).filter { mask & 1 << $0 != 0 } }
    let fits = choices.compactMap { Self(inputs: inputs, values: values, columns: $0) }
    let allowed = fits.filter { fit in fit.coefficients.allSatisfy { $0 >= 0 } }
    let errors = allowed.map { $0.squaredError(inputs, values) }
    guard let least = errors.indices.min(by: { errors[$0] < errors[$1] }) else { return nil }
    self = allowed[least]
  }

  /// Sum of the squares of the relative errors.
  private func squaredError(_ inputs: [[Double]], _ values: [Double]) -> Double {
    zip(inputs, values).map { value(at: $0) / $1 - 1 }.reduce(0) { $0 + $1 * $1 }
  }

  /// With coefficients of 0 for all but some columns of the inputs.
  private init?(inputs: [[Double]], values: [Double], columns: [Int]) {
    guard let fit = Self(inputs: inputs.map { input in columns.map { input[$0] } }, values: values) else { return nil }
    var coefficients = Array(repeating: 0.0, count: inputs[0].count)
    for (column, coefficient) in zip(columns, fit.coefficients) { coefficients[column] = coefficient }
    self.coefficients = coefficients
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

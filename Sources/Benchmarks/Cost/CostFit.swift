/// Seconds of a step from its arithmetic: `a + products / rate + attention / rate`, fitted to steps that were timed.
///
/// All steps have the same number of samples. So `a` is what a step costs whatever it computes, the update of the
/// weights above all; a term for tokens would say no more. Attention has a rate of its own, as its share of a dense
/// step grows with the context. No term is negative: one that would be is left out.
package struct CostFit: Hashable, Sendable {
  /// What the points tell apart. Each form has fewer terms than points, so that there is something to be off.
  package enum Form: String, CaseIterable, Sendable {
    /// `a`, products and attention.
    case twoRates = "two_rates"
    /// `a`, and all operations at one rate.
    case oneRate = "one_rate"
    /// All operations at one rate, and nothing else.
    case rateAlone = "rate_alone"

    /// What the terms of a step's time are proportional to.
    fileprivate func inputs(_ point: CostPoint) -> [Double] {
      switch self {
      case .twoRates: [1, point.productOperations, point.attentionOperations]
      case .oneRate: [1, point.operations]
      case .rateAlone: [point.operations]
      }
    }
  }

  package let form: Form
  private let fit: LinearFit

  /// - Returns: nil where there are fewer than two points.
  init?(_ points: [CostPoint]) {
    for form in Form.allCases {
      let inputs = points.map(form.inputs)
      guard let termCount = inputs.first?.count, termCount < points.count,
        let fit = LinearFit(notNegative: inputs, values: points.map(\.seconds))
      else { continue }
      self.form = form
      self.fit = fit
      return
    }
    return nil
  }

  /// `a`; 0 where it is left out.
  package var fixedSeconds: Double { form == .rateAlone ? 0 : fit.coefficients[0] }
  /// Operations a second of products; nil where their term is left out.
  package var productRate: Double? { rate(at: form == .rateAlone ? 0 : 1) }
  /// Operations a second of attention, the same as of products where there is one rate; nil where its term is left out.
  package var attentionRate: Double? { rate(at: fit.coefficients.count - 1) }

  private func rate(at index: Int) -> Double? {
    let coefficient = fit.coefficients[index]
    return coefficient > 0 ? 1 / coefficient : nil
  }

  /// What a step should take.
  package func seconds(_ point: CostPoint) -> Double { fit.value(at: form.inputs(point)) }
}

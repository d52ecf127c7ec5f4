/// How the time of a step grows, with the context and with the chunk size.
package struct CostReport: Hashable, Sendable {
  /// A CAT of one chunk size at every context.
  package var contexts: CostCurve
  /// A CAT of one context at every chunk size.
  package var chunkSizes: CostCurve
  /// A dense model at every context; without points unless asked for.
  package var dense: CostCurve
  /// Steps that memory does not hold, in words.
  package var leftOut: [String]

  package init(contexts: CostCurve, chunkSizes: CostCurve, dense: CostCurve, leftOut: [String]) {
    self.contexts = contexts
    self.chunkSizes = chunkSizes
    self.dense = dense
    self.leftOut = leftOut
  }

  package var curves: [CostCurve] {
    [contexts, chunkSizes, dense].filter { !$0.points.isEmpty }
  }

  /// Time of a CAT's step over that of a dense model of the same width and depth, for each context that both have.
  package var price: [(context: Int, cat: CostPoint, dense: CostPoint)] {
    contexts.points.compactMap { cat in
      dense.points.first { $0.context == cat.context }.map { (cat.context, cat, $0) }
    }
  }
}

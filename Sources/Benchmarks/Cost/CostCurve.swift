/// A step that was timed, and its arithmetic.
package struct CostPoint: Hashable, Sendable {
  package let context: Int
  /// Nil for a model without chunks.
  package let chunkSize: Int?
  package let sampleCount: Int
  /// Arithmetic of the step's products, without attention's.
  package let productOperations: Double
  /// Arithmetic of attention's products of queries, keys and values.
  package let attentionOperations: Double
  /// Seconds of the fastest step.
  package let seconds: Double
  /// Most bytes that tensors took together.
  package let tensorBytes: Int

  package init(
    context: Int, chunkSize: Int?, sampleCount: Int, productOperations: Double, attentionOperations: Double,
    seconds: Double, tensorBytes: Int
  ) {
    self.context = context
    self.chunkSize = chunkSize
    self.sampleCount = sampleCount
    self.productOperations = productOperations
    self.attentionOperations = attentionOperations
    self.seconds = seconds
    self.tensorBytes = tensorBytes
  }

  package var tokenCount: Int { sampleCount * context }

  /// Arithmetic of the step.
  package var operations: Double { productOperations + attentionOperations }
}

/// Steps of one model, of which one thing varies, and what was fitted to their times.
package struct CostCurve: Hashable, Sendable {
  package let name: String
  package let points: [CostPoint]
  /// Nil where there are too few points.
  package let fit: CostFit?

  package init(_ name: String, _ points: [CostPoint]) {
    self.name = name
    self.points = points
    fit = CostFit(points)
  }

  /// What a step takes over what the fit says, less 1.
  package func deviation(_ point: CostPoint) -> Double? {
    fit.map { point.seconds / $0.seconds(point) - 1 }
  }

  package var largestDeviation: Double? {
    points.compactMap(deviation).map(abs).max()
  }
}

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

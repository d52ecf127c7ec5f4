/// A step that was timed, and its arithmetic.
package struct CostPoint: Hashable, Sendable {
  package let context: Int
  /// Nil for a model without chunks.
  package let chunkSize: Int?
  package let sampleCount: Int
  /// Arithmetic of the step.
  package let operations: Double
  /// Seconds of the fastest step.
  package let seconds: Double
  /// Most bytes that tensors took together.
  package let tensorBytes: Int

  package init(
    context: Int, chunkSize: Int?, sampleCount: Int, operations: Double, seconds: Double, tensorBytes: Int
  ) {
    self.context = context
    self.chunkSize = chunkSize
    self.sampleCount = sampleCount
    self.operations = operations
    self.seconds = seconds
    self.tensorBytes = tensorBytes
  }

  package var tokenCount: Int { sampleCount * context }
}

/// Steps of one model, of which one thing varies, and the line through their times: `a + b · operations`.
///
/// The number of samples is the same in all steps. So `a` is what a step costs whatever it computes, the update of the
/// weights above all, and `b` is one over the rate of the rest. A fit of seconds a token would need a term for `a` over
/// the tokens, and says no more.
package struct CostCurve: Hashable, Sendable {
  package let name: String
  package let points: [CostPoint]
  private let fit: LinearFit?

  package init(_ name: String, _ points: [CostPoint]) {
    self.name = name
    self.points = points
    fit = LinearFit(inputs: points.map { [1, $0.operations] }, values: points.map(\.seconds))
  }

  /// `a`, in seconds; nil where the points determine no line.
  package var fixedSeconds: Double? { fit?.coefficients[0] }
  /// `1 / b`; nil where the points determine no line.
  package var operationsPerSecond: Double? { fit.map { 1 / $0.coefficients[1] } }

  /// Seconds on the line.
  package func predictedSeconds(_ point: CostPoint) -> Double? {
    fit?.value(at: [1, point.operations])
  }

  /// What a step takes over what the line says, less 1.
  package func deviation(_ point: CostPoint) -> Double? {
    predictedSeconds(point).map { point.seconds / $0 - 1 }
  }

  package var largestDeviation: Double? {
    points.compactMap(deviation).map(abs).max()
  }
}

/// How far a run is after a step.
package struct Progress: Hashable, Sendable {
  /// Steps done, those before a resume included.
  package var step: Int
  /// Steps of the whole run.
  package var stepCount: Int
  /// Tokens trained on, all ranks, in any count that only grows.
  package var tokenCount: Int
  /// Nats a token.
  package var loss: Double
  /// Tokens a chunk in this step; nil for a model without chunks.
  package var chunkSize: Int?
  package var learningRate: Double

  package init(step: Int, stepCount: Int, tokenCount: Int, loss: Double, chunkSize: Int?, learningRate: Double) {
    self.step = step
    self.stepCount = stepCount
    self.tokenCount = tokenCount
    self.loss = loss
    self.chunkSize = chunkSize
    self.learningRate = learningRate
  }

  /// One line, such as `step 412/1000  loss 3.2145  chunk 8  rate 8.00e-04  12.3k tokens/s  left 0:12:05`.
  ///
  /// - Parameters:
  ///   - tokenRate: tokens a second; nil if not known yet.
  ///   - stepRate: steps a second; nil if not known yet.
  func line(tokenRate: Double?, stepRate: Double?) -> String {
    var fields = ["step \(step)/\(stepCount)", "loss " + Format.fixed(loss, digits: 4)]
    if let chunkSize { fields.append("chunk \(chunkSize)") }
    fields.append("rate " + Format.scientific(learningRate, digits: 2))
    if let tokenRate { fields.append(Format.count(tokenRate) + " tokens/s") }
    if let stepRate, stepRate > 0 {
      fields.append("left " + Format.duration(.seconds(Double(stepCount - step) / stepRate)))
    }
    return fields.joined(separator: "  ")
  }
}

/// What a rank is at, apart from collective calls.
package enum WorkPhase: String, CaseIterable, Sendable {
  /// Reading a checkpoint, making weights, opening data.
  case start
  case gradients = "forward and backward"
  case optimizer
  case validation
  case samples = "sample texts"
  case checkpoint

  /// How many times the job's time limit may pass in it without a sign of progress: a step's parts have the limit
  /// itself, the others may be long on one rank while all others wait for it.
  var patience: Int {
    switch self {
    case .gradients, .optimizer: 1
    case .start, .validation, .samples, .checkpoint: 10
    }
  }
}

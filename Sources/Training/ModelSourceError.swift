/// Tensors that do not make up the model of their `config.json`.
package struct ModelSourceError: Error, CustomStringConvertible {
  package let path: String
  /// One line for each tensor.
  package let problems: [String]

  package var description: String {
    guard problems.count > 1 else { return "\(path): tensor \(problems[0])" }
    return "\(path): \(problems.count) tensors do not fit config.json:\n  " + problems.joined(separator: "\n  ")
  }
}

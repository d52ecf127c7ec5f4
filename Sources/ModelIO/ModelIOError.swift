/// Why a model cannot be read from files or written to them.
package enum ModelIOError: Error, CustomStringConvertible {
  /// Tensors that do not make up the model of their `config.json`, a line for each.
  case tensors(path: String, problems: [String])
  /// A model that no published implementation of its type holds.
  case notExportable(path: String, type: String, field: String)

  package var description: String {
    switch self {
    case .tensors(let path, let problems):
      problems.count > 1
        ? "\(path): \(problems.count) tensors do not fit config.json:\n  " + problems.joined(separator: "\n  ")
        : "\(path): tensor \(problems.first ?? "")"
    case .notExportable(let path, let type, let field):
      "\(path): a \(type) with \(field) cannot be exported: no published model computes the same"
    }
  }
}

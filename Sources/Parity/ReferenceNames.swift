internal import Models

/// The tensors of a reference directory by name, each with where it lies among our parameters.
struct ReferenceNames: Sendable {
  private let tensors: [String: ReferenceTensor]

  init(_ tensors: [ReferenceTensor]) {
    self.tensors = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
  }

  subscript(name: String) -> ReferenceTensor? { tensors[name] }

  /// The first name of which `names` has none.
  func missing(from names: Set<String>) -> String? {
    tensors.keys.sorted().first { !names.contains($0) }
  }
}

extension ReferenceTensor {
  /// Our rows in the order of the reference, from the values of all parameters together.
  func picked(_ values: [Float], width: Int) -> [Float] {
    guard let rows else { return values }
    return rows.flatMap { values[$0 * width..<($0 + 1) * width] }
  }
}

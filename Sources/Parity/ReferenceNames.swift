internal import Checkpoints
internal import Models

/// The tensors of a reference directory by name, each with where it lies among our parameters.
struct ReferenceNames: Sendable {
  private let tensors: [String: ReferenceTensor]

  /// flash-linear-attention's names are ours.
  init(published config: ModelConfig) {
    self.init(config.specs(scheme: .fla).map { ReferenceTensor($0.name, [$0.name]) })
  }

  /// The authors' names.
  init(reference config: ModelConfig) {
    self.init(config.definition.referenceTensors)
  }

  private init(_ tensors: [ReferenceTensor]) {
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

  /// Our values with the reference's rows put in their places.
  func placed(_ reference: [Float], over values: [Float], width: Int) -> [Float] {
    guard let rows else { return reference }
    var values = values
    for (place, row) in rows.enumerated() {
      values.replaceSubrange(row * width..<(row + 1) * width, with: reference[place * width..<(place + 1) * width])
    }
    return values
  }

  /// The reference's shape for ours.
  func shape(of ours: [Int]) -> [Int] {
    rows.map { [$0.count] + ours.dropFirst() } ?? ours
  }
}

/// How a parameter's first values are made.
package enum Initialization: Hashable, Sendable {
  case constant(Float)
  case normal(deviation: Double)
}

/// A parameter before it has memory.
package struct ParameterSpec: Hashable, Sendable {
  /// Its name in a Hugging Face state dict.
  package let name: String
  package let shape: [Int]
  package let initialization: Initialization

  package init(_ name: String, _ shape: [Int], _ initialization: Initialization) {
    self.name = name
    self.shape = shape
    self.initialization = initialization
  }

  package var count: Int { shape.reduce(1, *) }
}

/// All parameters of a model in one flat buffer, their gradients in another of the same layout.
///
/// The order of the specs is the order in memory; buckets, shards and checkpoints hang on it.
package final class ParameterStore {
  package let specs: [ParameterSpec]
  /// Flat weights `[count]`.
  package let weights: Tensor
  /// Flat gradients `[count]`; nil in a store that is only read.
  package let gradients: Tensor?

  private let offsets: [String: Int]

  /// - Parameter isTrained: whether there is memory for gradients.
  package init(_ specs: [ParameterSpec], isTrained: Bool, backend: any Backend) {
    var offsets: [String: Int] = [:]
    var count = 0
    for spec in specs {
      precondition(offsets.updateValue(count, forKey: spec.name) == nil, "two parameters named \(spec.name)")
      count += spec.count
    }
    self.specs = specs
    self.offsets = offsets
    weights = Self.flat(count, backend)
    gradients = isTrained ? Self.flat(count, backend) : nil
    if let gradients { backend.fill(gradients, with: 0) }
  }

  private static func flat(_ count: Int, _ backend: any Backend) -> Tensor {
    Tensor(storage: backend.pool.storage(byteCount: count * DType.float32.byteCount), shape: [count])
  }

  /// Number of weights.
  package var count: Int { weights.count }

  /// Where each spec lies in the flat buffers.
  package var ranges: [Range<Int>] {
    specs.map { spec in
      let offset = offsets[spec.name] ?? 0
      return offset..<offset + spec.count
    }
  }

  /// The parameter called `name`.
  package subscript(name: String) -> Tensor {
    guard let spec = specs.first(where: { $0.name == name }) else {
      preconditionFailure("no parameter named \(name)")
    }
    return tensor(at: offsets[name] ?? 0, shape: spec.shape)
  }

  /// The parameter called `name`, if there is one.
  package func optional(_ name: String) -> Tensor? {
    offsets[name] == nil ? nil : self[name]
  }

  /// Neighbouring parameters as one tensor, joined along their first dimension.
  package func joined(_ names: [String]) -> Tensor {
    let parts = names.map { self[$0] }
    for (part, next) in zip(parts, parts.dropFirst()) {
      precondition(part.offset + part.count == next.offset, "joined: \(names) do not lie side by side")
    }
    return tensor(
      at: parts[0].offset, shape: [parts.reduce(0) { $0 + $1.rowCount }] + parts[0].shape.dropFirst())
  }

  private func tensor(at offset: Int, shape: [Int]) -> Tensor {
    Tensor(
      storage: weights.storage, offset: offset, shape: shape,
      origin: gradients.map { .parameter(gradient: $0.storage) } ?? .constant)
  }
}

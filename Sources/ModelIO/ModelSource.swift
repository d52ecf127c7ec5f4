package import Checkpoints
internal import JSON
package import Models
package import TensorCore

/// A directory with a model of any published kind: which model it is, and which of its tensors hold which parameters.
///
/// Told from `config.json`: a model of this program or of flash-linear-attention, a dense one of `transformers`, or one
/// of the authors' reference code.
package struct ModelSource {
  package let config: ModelConfig
  /// The stored tensors that hold parameters.
  package let tensors: [ReferenceTensor]
  private let stored: TensorCollection
  private let path: String

  /// - Throws: ``JSONError`` if the configuration is of no model here; ``ModelIOError`` with every tensor that is
  ///   missing, unknown, or of another shape or type.
  package init(_ directory: CheckpointDirectory) throws {
    let source = directory.path + "/config.json"
    let isReference = ReferenceConfig.matches(directory.config)
    let fields =
      isReference
      ? try ReferenceConfig.modelFields(directory.config, tensorNames: Set(directory.weights.names))
      : try HuggingFaceConfig.modelFields(directory.config, source: source)
    let reader = JSONReader(fields, path: "", source: source)
    config = try ModelConfig(reader)
    try reader.finish()
    tensors =
      isReference
      ? config.definition.referenceTensors
      : config.specs(scheme: .fla).map { ReferenceTensor($0.name, [$0.name]) }
    stored = directory.weights
    path = directory.path
    let problems = try problems()
    guard problems.isEmpty else { throw ModelIOError.tensors(path: path, problems: problems) }
  }

  /// Number of tensors that hold parameters.
  package var tensorCount: Int { tensors.count }

  /// What is wrong with the stored tensors, one line each.
  private func problems() throws -> [String] {
    let shapes = Dictionary(uniqueKeysWithValues: config.specs(scheme: .fla).map { ($0.name, $0.shape) })
    var problems: [String] = []
    for tensor in tensors {
      let parts = tensor.parameters.compactMap { shapes[$0] }
      let rowCount = tensor.rows?.count ?? parts.reduce(0) { $0 + $1[0] }
      let shape = [rowCount] + (parts.first?.dropFirst() ?? [])
      guard let info = stored.info(tensor.name) else {
        problems.append("\(tensor.name) is missing, the model needs \(shape)")
        continue
      }
      if info.shape != shape { problems.append("\(tensor.name) is \(info.shape), the model needs \(shape)") }
      if ![.float32, .float64, .float16, .bfloat16].contains(info.type) {
        problems.append("\(tensor.name) holds \(info.type.rawValue), the model needs F32, F64, F16 or BF16")
      }
    }
    let known = Set(tensors.map(\.name))
    for name in stored.names where !known.contains(name) {
      if let problem = try problem(ofOther: name) { problems.append(problem) }
    }
    return problems
  }

  /// Why a tensor that holds no parameter cannot be left out; nil if it can.
  private func problem(ofOther name: String) throws -> String? {
    if config.definition.published.counters.contains(name) || name.hasSuffix(".rotary_emb.inv_freq") { return nil }
    if name.hasSuffix(".self_attn.o_proj.bias") {
      return try stored.floats(name).allSatisfy { $0 == 0 }
        ? nil : "\(name) is not zero, and the model has no such bias"
    }
    // Some writers store a tied head as well.
    let embeddings = ["model.embed_tokens.weight", "model.embeddings.weight"].first { stored.info($0) != nil }
    if name == "lm_head.weight", let embeddings, stored.info(name)?.shape == stored.info(embeddings)?.shape {
      return try stored.floats(name) == stored.floats(embeddings)
        ? nil : "\(name) differs from \(embeddings), and tie_word_embeddings says that they are one"
    }
    return "\(name) is unknown: the model has no such tensor"
  }

  /// Fills `parameters`, which must be those of ``config`` and in the memory of `backend`.
  ///
  /// - Throws: ``ModelIOError`` with the first tensor that holds a value that is not finite.
  package func load(into parameters: ParameterStore, backend: any Backend) throws {
    for tensor in tensors {
      let target = parameters.joined(tensor.parameters)
      guard let rows = tensor.rows else {
        try stored.copyFloats(of: tensor.name, to: target)
        continue
      }
      // Rows that nobody reads stay zero.
      let (values, width) = (try stored.floats(tensor.name), target.rowWidth)
      var all = [Float](repeating: 0, count: target.count)
      for (index, row) in rows.enumerated() {
        all.replaceSubrange(row * width..<(row + 1) * width, with: values[index * width..<(index + 1) * width])
      }
      target.assign(all)
    }
    try requireFinite(parameters, backend)
  }

  /// One pass over all weights; only if it finds something, one over each tensor.
  private func requireFinite(_ parameters: ParameterStore, _ backend: any Backend) throws(ModelIOError) {
    guard !backend.sumOfSquares(parameters.weights).isFinite else { return }
    for tensor in tensors {
      let values = parameters.joined(tensor.parameters).values
      guard let value = values.first(where: { !$0.isFinite }) else { continue }
      let count = values.count { !$0.isFinite }
      throw ModelIOError.tensors(
        path: path,
        problems: ["\(tensor.name) holds \(value) (\(count) of \(values.count) values), allowed: finite numbers"])
    }
  }
}

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

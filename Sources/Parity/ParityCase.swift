internal import Checkpoints
internal import Foundation
internal import Models
internal import Settings
package import TensorCore

/// A directory with reference weights, logits, losses, gradients and tokens, and the model built from it.
///
/// Layout: `config.json`, `model.safetensors`, `golden.safetensors`, `generate_p*.safetensors`.
package struct ParityCase {
  let directory: String
  let model: any LanguageModel
  let backend: any Backend
  private let names: ReferenceNames
  private let golden: SafetensorsFile
  /// Key suffixes and sizes: `_c4` for a model with chunks, nothing for a dense one.
  private let isChunked: Bool

  package init(directory: String, backend: any Backend) throws {
    let source = directory + "/config.json"
    guard let data = FileManager.default.contents(atPath: source) else {
      throw ParityError(directory, "no config.json, which a directory of reference tensors has")
    }
    let fields = try Setting(json: String(decoding: data, as: UTF8.self), source: source)
    let isReferenceDense = fields["model_type"] == nil
    let reader = SettingsReader(isReferenceDense ? try Self.denseFields(fields, directory) : fields, path: "")
    let config = try ModelConfig(reader)
    if isReferenceDense { try reader.finish() }
    self.directory = directory
    self.backend = backend
    names = isReferenceDense ? .referenceDense : .huggingFace
    isChunked = config.chunkSizes != nil
    golden = try SafetensorsFile(path: directory + "/golden.safetensors")
    model = config.makeModel(isTrained: true, backend: backend)
    try Self.load(SafetensorsFile(path: directory + "/model.safetensors"), into: model, names: names, directory)
  }

  /// The reference code's own fields under the names that ``DenseConfig`` reads.
  private static func denseFields(_ fields: Setting, _ directory: String) throws(ParityError) -> Setting {
    let table = [
      "dim": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads",
      "n_local_heads": "num_key_value_heads", "intermediate_size": "intermediate_size",
      "block_size": "max_position_embeddings", "padded_vocab_size": "vocab_size", "norm_eps": "rms_norm_eps",
      "rope_base": "rope_theta", "use_qk_norm": "qk_norm",
    ]
    guard fields["dim"] != nil, fields["chunk_size"] == nil else {
      throw ParityError(directory, "neither a model_type cat nor the reference code's dense transformer")
    }
    let entries = table.sorted { $0.key < $1.key }.compactMap { name, ours in
      fields[name].map { Setting.Entry(key: ours, value: $0) }
    }
    return .mapping([Setting.Entry(key: "model_type", value: .text("llama"))] + entries)
  }

  private static func load(
    _ file: SafetensorsFile, into model: any LanguageModel, names: ReferenceNames, _ directory: String
  ) throws {
    var loaded: Set<String> = []
    for info in file.tensors where info.type != .int64 {
      let parameters = names.parameters(info.name)
      guard !parameters.isEmpty, parameters.allSatisfy({ model.parameters.optional($0) != nil }) else {
        throw ParityError(directory, "model.safetensors holds \(info.name), which the model does not have")
      }
      let target = model.parameters.joined(parameters)
      guard target.shape == info.shape else {
        throw ParityError(directory, "\(info.name) is \(info.shape), the model's is \(target.shape)")
      }
      target.assign(try file.floats(info.name))
      loaded.formUnion(parameters)
    }
    if let missing = model.parameters.specs.first(where: { !loaded.contains($0.name) }) {
      throw ParityError(directory, "model.safetensors lacks \(missing.name)")
    }
  }

  /// Compares everything that the directory has.
  package func compare() throws -> ParityReport {
    var report = ParityReport(directory: directory)
    let sizes = isChunked ? try golden.integers("chunk_sizes").map { Optional(Int($0)) } : [nil]
    for size in sizes { try compareForward(size, &report) }
    let gradientSizes = isChunked ? try golden.integers("grad_chunk_sizes").map { Optional(Int($0)) } : [nil]
    for size in gradientSizes { try compareGradients(size, &report) }
    try compareGenerations(&report)
    return report
  }

  /// `[B, T]` ids of the case.
  private func inputIDs() throws -> (ids: [Int32], sampleCount: Int, length: Int) {
    guard let shape = golden.info("input_ids")?.shape, shape.count == 2 else {
      throw ParityError(directory, "golden.safetensors has no input_ids [B, T]")
    }
    return (try golden.integers("input_ids").map { Int32($0) }, shape[0], shape[1])
  }

  private func suffix(_ chunkSize: Int?) -> String { chunkSize.map { "_c\($0)" } ?? "" }

  private func compareForward(_ chunkSize: Int?, _ report: inout ParityReport) throws {
    let (ids, sampleCount, length) = try inputIDs()
    let input = ModelInput(ids: ids, sampleCount: sampleCount, length: length, chunkSize: chunkSize ?? 1)
    let tape = Tape(backend: backend, isRecording: false)
    report.add(
      "logits", chunkSize: chunkSize,
      error: Distance.largest(
        model.logits(input, tape: tape).values, from: try golden.floats("logits" + suffix(chunkSize))),
      bound: ParityBounds.logits)
    if let cat = model as? CATModel, let chunkSize, let info = golden.info("fx_c\(chunkSize)") {
      let compressed = cat.compressedChunks(input, tape: tape)
      let reference = try golden.floats("fx_c\(chunkSize)")
      let (referenceChunks, chunks, width) = (info.shape[1], length / chunkSize, info.shape[2])
      let compared = (0..<sampleCount).flatMap {
        reference[$0 * referenceChunks * width..<($0 * referenceChunks + chunks) * width]
      }
      report.add(
        "compressed", chunkSize: chunkSize, error: Distance.largest(compressed.values, from: compared),
        bound: ParityBounds.logits)
    }
  }

  private func compareGradients(_ chunkSize: Int?, _ report: inout ParityReport) throws {
    let (ids, sampleCount, length) = try inputIDs()
    let loss = shiftedLoss(ids, sampleCount: sampleCount, length: length, chunkSize: chunkSize ?? 1)
    let reference = try golden.floats("loss" + suffix(chunkSize))[0]
    report.add("loss", chunkSize: chunkSize, error: abs(loss - Double(reference)), bound: ParityBounds.loss)
    let prefix = "grad\(suffix(chunkSize))."
    var compared: Set<String> = []
    for info in golden.tensors where info.name.hasPrefix(prefix) {
      let name = String(info.name.dropFirst(prefix.count))
      let parameters = names.parameters(name)
      guard !parameters.isEmpty, let gradient = model.parameters.joined(parameters).parameterGradient else {
        throw ParityError(directory, "golden.safetensors has a gradient of \(name), which the model does not have")
      }
      report.add(
        "gradient", tensor: name, chunkSize: chunkSize,
        error: Distance.relativeL2(gradient.values, from: try golden.floats(info.name)),
        bound: ParityBounds.gradient)
      compared.formUnion(parameters)
    }
    if let missing = model.parameters.specs.first(where: { !compared.contains($0.name) }) {
      throw ParityError(directory, "golden.safetensors has no gradient of \(missing.name) at \(prefix)")
    }
  }

  /// Mean loss over the `T - 1` shifted targets of each sample, its gradient left in the model's gradients.
  func shiftedLoss(_ ids: [Int32], sampleCount: Int, length: Int, chunkSize: Int) -> Double {
    if let gradients = model.parameters.gradients { backend.fill(gradients, with: 0) }
    let rows = (0..<sampleCount).map { ids[$0 * length..<($0 + 1) * length] }
    let targetCount = sampleCount * (length - 1)
    let tape = Tape(backend: backend, isRecording: true)
    let head = model.loss(
      ids: rows.flatMap { $0.dropLast() }, targets: rows.flatMap { $0.dropFirst() }, sampleCount: sampleCount,
      length: length - 1, chunkSize: chunkSize, gradientScale: 1 / Float(targetCount), tape: tape)
    tape.backward()
    return head.lossSum / Double(targetCount)
  }
}

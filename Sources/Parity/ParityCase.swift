internal import Checkpoints
internal import ModelIO
internal import Models
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

  package init(directory: String, backend: any Backend) throws {
    let source = try ModelSource(CheckpointDirectory(unverified: directory))
    self.directory = directory
    self.backend = backend
    names = ReferenceNames(source.tensors)
    golden = try SafetensorsFile(path: directory + "/golden.safetensors")
    model = source.config.makeModel(isTrained: true, backend: backend)
    try source.load(into: model.parameters, backend: backend)
  }

  /// Compares everything that the directory has.
  package func compare() throws -> ParityReport {
    var report = ParityReport(directory: directory)
    for size in sizes(of: "logits") { try compareForward(size, &report) }
    let gradientSizes = gradientSizes
    for size in sizes(of: "loss") { try compareLoss(size, withGradients: gradientSizes.contains(size), &report) }
    try compareGenerations(&report)
    try compareContinuation(golden, chunkSize: defaultChunkSize, &report)
    return report
  }

  /// Chunk sizes with a tensor `NAME_cN`; one nil if `NAME` stands without a size.
  private func sizes(of name: String) -> [Int?] {
    if golden.info(name) != nil { return [nil] }
    return golden.tensors.compactMap { info in
      info.name.hasPrefix(name + "_c") ? Int(info.name.dropFirst(name.count + 2)) : nil
    }.sorted()
  }

  /// Chunk sizes with gradients; one nil if they carry no size.
  private var gradientSizes: Set<Int?> {
    let prefixes = Set(
      golden.tensors.compactMap { info in
        info.name.hasPrefix("grad") ? info.name.split(separator: ".").first.map(String.init) : nil
      })
    return Set(prefixes.map { $0 == "grad" ? nil : Int($0.dropFirst("grad_c".count)) })
  }

  /// The chunk size of quantities without one.
  private var defaultChunkSize: Int { model.config.chunkSizes?.upperBound ?? 1 }

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
    let input = ModelInput(
      ids: ids, sampleCount: sampleCount, length: length, chunkSize: chunkSize ?? defaultChunkSize, on: backend)
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

  private func compareLoss(_ chunkSize: Int?, withGradients: Bool, _ report: inout ParityReport) throws {
    let (ids, sampleCount, length) = try inputIDs()
    let loss = shiftedLoss(ids, sampleCount: sampleCount, length: length, chunkSize: chunkSize ?? defaultChunkSize)
    let reference = try golden.floats("loss" + suffix(chunkSize))[0]
    report.add("loss", chunkSize: chunkSize, error: abs(loss - Double(reference)), bound: ParityBounds.loss)
    if withGradients { try compareGradients(chunkSize, &report) }
  }

  /// Compares what the last loss left in the model's gradients.
  private func compareGradients(_ chunkSize: Int?, _ report: inout ParityReport) throws {
    let prefix = "grad\(suffix(chunkSize))."
    var compared: Set<String> = []
    for info in golden.tensors where info.name.hasPrefix(prefix) {
      let name = String(info.name.dropFirst(prefix.count))
      guard let tensor = names[name], let ours = model.parameters.joined(tensor.parameters).parameterGradient else {
        throw ParityError(directory, "golden.safetensors has a gradient of \(name), which the model does not have")
      }
      report.add(
        "gradient", tensor: name, chunkSize: chunkSize,
        error: Distance.relativeL2(
          tensor.picked(ours.values, width: ours.rowWidth), from: try golden.floats(info.name)),
        bound: ParityBounds.gradient)
      compared.insert(name)
    }
    if let missing = names.missing(from: compared) {
      throw ParityError(directory, "golden.safetensors has no gradient of \(missing) at \(prefix)")
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

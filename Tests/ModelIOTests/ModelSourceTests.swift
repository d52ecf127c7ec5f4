import CPUBackend
import Checkpoints
import FaultSupport
import Foundation
import JSON
import ModelIO
import Models
import TensorCore
import Testing

/// Models on their way from PyTorch and back.
struct ModelSourceTests {
  private let scratch: Scratch
  private let backend = CPUBackend(threadCount: 1)

  init() throws { scratch = try Scratch() }

  /// A `model` section, in JSON.
  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let fields: String

    static let cat = """
      "model_type": "cat", "vocab_size": 24, "hidden_size": 16, "num_hidden_layers": 2, "num_heads": 2,
      "compressor_hidden_size": 8, "compressor_num_layers": 1, "compressor_num_heads": 1, "intermediate_size": 24,
      "max_chunk_size": 8, "max_position_embeddings": 16
      """
    static let dense = """
      "model_type": "llama", "vocab_size": 24, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
      "num_key_value_heads": 1, "intermediate_size": 24, "max_position_embeddings": 16, "rms_norm_eps": 1e-5
      """
    static let all = [
      Kind(testDescription: "adaptive CAT", fields: cat),
      Kind(
        testDescription: "adaptive CAT with everything",
        fields: cat + #", "qkv_bias": true, "qk_norm": true, "num_kv_heads": 1, "tie_word_embeddings": true"#),
      Kind(testDescription: "dense", fields: dense),
      Kind(testDescription: "dense, tied", fields: dense + #", "tie_word_embeddings": true"#),
      Kind(testDescription: "dense with biases", fields: dense + #", "attention_bias": true"#),
      Kind(testDescription: "dense with norms", fields: dense + #", "qk_norm": true"#),
      Kind(testDescription: "dense with both", fields: dense + #", "attention_bias": true, "qk_norm": true"#),
    ]
  }

  /// A checkpoint of fresh weights.
  private func checkpoint(_ fields: String, _ name: String) throws -> CheckpointDirectory {
    let config = try ModelConfig(JSONReader(JSONValue(json: "{\(fields)}"), path: "model"))
    let model = config.makeModel(isTrained: false, backend: backend)
    model.parameters.initialize(config.specs(scheme: .fla), seed: 4)
    try model.parameters.weights.withReadView { bytes in
      try ModelExport(config: config.huggingFace, weights: model.parameters.named(bytes))
        .write(to: scratch.file(name), shardBytes: 1 << 20)
    }
    return try CheckpointDirectory(verifying: scratch.file(name))
  }

  /// The bytes of all floating-point tensors.
  private func bytes(_ name: String) throws -> [String: [UInt8]] {
    let weights = try CheckpointDirectory(verifying: scratch.file(name)).weights
    var result: [String: [UInt8]] = [:]
    for tensor in weights.names {
      guard let info = weights.info(tensor), info.type != .int64 else { continue }
      var bytes = [UInt8](repeating: 0, count: info.byteRange.count)
      try bytes.withUnsafeMutableBytes { try weights.copyBytes(of: tensor, to: $0) }
      result[tensor] = bytes
    }
    return result
  }

  @Test(arguments: Kind.all, [1000, 1 << 20])
  func `a model goes out and comes home with the same bytes`(_ kind: Kind, shardBytes: Int) throws {
    let start = try checkpoint(kind.fields, "start")
    try start.export(to: scratch.file("out"), as: .float32, shardBytes: shardBytes, backend: backend)
    let out = try CheckpointDirectory(unverified: scratch.file("out"))
    let imported = try out.importModel(to: scratch.file("home"), shardBytes: shardBytes, backend: backend)
    #expect(try bytes("home") == bytes("start"))
    #expect(imported.tensorCount == start.weights.names.count)
    #expect(try CheckpointDirectory(verifying: scratch.file("home")).config == start.config)
  }

  @Test(arguments: Kind.all, [ElementType.bfloat16, .float16])
  func `half types come in and go out with the same bytes`(_ kind: Kind, type: ElementType) throws {
    let start = try checkpoint(kind.fields, "start")
    try start.export(to: scratch.file("half"), as: type, shardBytes: 1000, backend: backend)
    _ = try CheckpointDirectory(unverified: scratch.file("half"))
      .importModel(to: scratch.file("home"), shardBytes: 1 << 20, backend: backend)
    try CheckpointDirectory(verifying: scratch.file("home"))
      .export(to: scratch.file("again"), as: type, shardBytes: 1000, backend: backend)
    #expect(try bytes("again") == bytes("half"))
  }

  @Test func `a tokenizer beside the model goes along`() throws {
    _ = try checkpoint(Kind.dense, "start")
    let text = Data("{}".utf8)
    try text.write(to: URL(filePath: scratch.file("start/tokenizer.json")))
    let start = try CheckpointDirectory(unverified: scratch.file("start"))
    _ = try start.importModel(to: scratch.file("home"), shardBytes: 1 << 20, backend: backend)
    try CheckpointDirectory(verifying: scratch.file("home"))
      .export(to: scratch.file("out"), as: .float32, shardBytes: 1 << 20, backend: backend)
    for name in ["home", "out"] {
      #expect(FileManager.default.contents(atPath: scratch.file("\(name)/tokenizer.json")) == text)
    }
  }

  @Test func `every tensor that does not fit is listed, and nothing is written`() throws {
    let start = try checkpoint(Kind.dense, "start")
    let wrong: [(String, [Int], ElementType)?] = [
      ("model.norm.weight", [17], .float32), ("lm_head.weight", [24, 16], .int32),
      ("model.extra.weight", [3], .float32),
    ]
    let ours = start.weights.names.filter { !["model.norm.weight", "lm_head.weight"].contains($0) }
      .filter { $0 != "model.layers.1.mlp.up_proj.weight" && $0 != "model.embed_tokens.weight" }
    let zeros = [UInt8](repeating: 0, count: 24 * 24 * 4)
    try zeros.withUnsafeBytes { zeros in
      let kept = try ours.map { name in
        let shape = try #require(start.weights.info(name)).shape
        return NamedTensor(
          name: name, type: .float32, shape: shape, bytes: .init(rebasing: zeros[..<(4 * shape.reduce(1, *))]))
      }
      let added = wrong.compactMap { $0 }.map { name, shape, type in
        NamedTensor(name: name, type: type, shape: shape, bytes: .init(rebasing: zeros[..<(4 * shape.reduce(1, *))]))
      }
      try ModelExport(config: start.config, weights: kept + added)
        .write(to: scratch.file("wrong"), shardBytes: 1 << 20)
    }
    let directory = try CheckpointDirectory(unverified: scratch.file("wrong"))
    let error = try #require(throws: ModelIOError.self) {
      try directory.importModel(to: scratch.file("home"), shardBytes: 1 << 20, backend: backend)
    }
    #expect(error.description.contains("5 tensors do not fit"), "\(error)")
    for name in [
      "model.norm.weight is [17]", "lm_head.weight holds I32", "model.extra.weight is unknown",
      "model.layers.1.mlp.up_proj.weight is missing", "model.embed_tokens.weight is missing",
    ] {
      #expect(error.description.contains(name), "\(error)")
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.file("home")))
  }

  @Test(
    .enabled(if: Reference.isThere, "the reference tensors beside the package are not there"),
    arguments: Reference.cases)
  func `published models come in with the logits that they gave`(name: String) throws {
    let directory = "\(Reference.directory)/\(name)"
    _ = try CheckpointDirectory(unverified: directory)
      .importModel(to: scratch.file("home"), shardBytes: 1 << 20, backend: backend)
    let model = try CheckpointDirectory(verifying: scratch.file("home")).makeModel(backend: backend)
    let golden = try SafetensorsFile(path: directory + "/golden.safetensors")
    let shape = try #require(golden.info("input_ids")).shape
    for tensor in golden.tensors where tensor.name.hasPrefix("logits") {
      let size = tensor.name.dropFirst("logits_c".count)
      let logits = model.logits(
        ModelInput(
          ids: try golden.integers("input_ids").map { Int32($0) }, sampleCount: shape[0], length: shape[1],
          chunkSize: Int(size) ?? model.config.chunkSizes?.upperBound ?? 1, on: backend),
        tape: Tape(backend: backend, isRecording: false)
      ).values
      let expected = try golden.floats(tensor.name)
      let largest = expected.reduce(0) { max($0, abs($1)) }
      let difference = zip(logits, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(logits.count == expected.count && difference <= 2e-5 * largest, "\(tensor.name): \(difference)")
    }
  }

  enum Reference {
    static let directory = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "shared/golden").path
    static let isThere = FileManager.default.fileExists(atPath: directory)
    static let cases = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
      .filter {
        FileManager.default.fileExists(atPath: "\(directory)/\($0)/model.safetensors")
      }
  }
}

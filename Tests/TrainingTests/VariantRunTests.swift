import CPUBackend
import Checkpoints
import Foundation
import JSON
import ModelIO
import Models
import TensorCore
import Testing

@testable import Training

/// Every other kind of model goes the way of all runs: training, checkpoints, resuming, export.
struct VariantRunTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let model: String
    let chunkSizes: [Int]
  }

  private static let hybrid =
    "vocab_size: 24, hidden_size: 16, num_attention_heads: 2, intermediate_size: 24, max_position_embeddings: 16,"
    + " initializer_range: 0.2"

  static let kinds = [
    Kind(testDescription: "dense", model: "{model_type: llama, num_hidden_layers: 2, \(hybrid)}", chunkSizes: [1]),
    Kind(
      testDescription: "fixed CAT",
      model: "{model_type: cat_fixed, chunk_size: 3, vocab_size: 24, hidden_size: 16, num_hidden_layers: 2,"
        + " num_heads: 2, compressor_hidden_size: 8, compressor_num_layers: 1, compressor_num_heads: 1,"
        + " intermediate_size: 24, max_position_embeddings: 16, initializer_range: 0.2}", chunkSizes: [3]),
    Kind(
      testDescription: "window and CAT layer",
      model: "{model_type: hybrid, layers: [{type: window, window: 5}, {type: cat, chunk_size: 3, dim_fx: 16,"
        + " head_dim: 8}], \(hybrid)}", chunkSizes: [1]),
    Kind(
      testDescription: "dense and adaptive CAT layer",
      model: "{model_type: hybrid, layers: [dense, {type: adaptive_cat, dim_fx: 16, head_dim: 8}], max_chunk_size: 4,"
        + " \(hybrid)}", chunkSizes: [2, 4]),
  ]

  private func config(_ kind: Kind, _ overrides: [String] = []) throws -> RunConfig {
    let sizes = "train.chunk_sizes=[\(kind.chunkSizes.map(String.init).joined(separator: ", "))]"
    return try SmallRun.tokens(scratch, [sizes] + overrides, model: "model: \(kind.model)\n")
  }

  @Test(arguments: kinds)
  func `a resumed run gives the uninterrupted one, bit for bit`(of kind: Kind) throws {
    let whole = RunInDirectory(directory: scratch.file("whole"))
    try whole.train(config(kind))
    let parts = RunInDirectory(directory: scratch.file("parts"))
    try parts.train(config(kind, ["train.steps=4"]))
    try parts.train(config(kind))
    #expect(parts.messages.all.contains { $0.hasPrefix("resuming") && $0.contains("step=4") })
    #expect(try parts.tensors(8) == whole.tensors(8))
    #expect(try parts.records() == whole.records())
    let losses = try whole.records().compactMap { $0["loss"]?.numberValue }
    #expect(losses.count == 8 && losses.allSatisfy { $0.isFinite })
  }

  @Test(arguments: kinds)
  func `a checkpoint and its export hold the same model`(of kind: Kind) throws {
    let run = RunInDirectory(directory: scratch.file("run"))
    let config = try config(kind)
    try run.train(config)
    let backend = CPUBackend(threadCount: 1)
    let checkpoint = try CheckpointDirectory(verifying: run.checkpoint(8))
    let model = try checkpoint.makeModel(backend: backend)
    #expect(model.config == config.model)

    let target = scratch.file("exported")
    try checkpoint.export(to: target, as: .float32, shardBytes: 1 << 30, backend: backend)
    let file = try SafetensorsFile(path: target + "/model.safetensors")
    #expect(file.tensors.count == model.parameters.specs.count)
    for spec in model.parameters.specs {
      #expect(try file.floats(spec.name) == model.parameters[spec.name].values, "\(spec.name)")
    }
    let text = try String(contentsOfFile: target + "/config.json", encoding: .utf8)
    #expect(try ModelConfig(JSONReader(JSONValue(json: text), path: "")) == config.model)
  }
}

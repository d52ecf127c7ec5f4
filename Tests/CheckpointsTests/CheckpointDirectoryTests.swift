import Checkpoints
import FaultSupport
import Foundation
import JSON
import Testing

struct CheckpointDirectoryTests {
  @Test func `a checkpoint comes back whole`() throws {
    let scratch = try Scratch()
    let sample = SampleCheckpoint(step: 1000)
    let written = try sample.write(to: scratch.path)
    #expect(written.path == scratch.path + "/checkpoints/step-00001000")
    #expect(try bytes(of: scratch.path + "/checkpoints/latest") == Array("step-00001000\n".utf8))
    let checkpoint = try CheckpointDirectory(verifying: written.path)
    #expect(try sample.equals(checkpoint))
    #expect(checkpoint.unknownFiles.isEmpty)
    #expect(checkpoint.manifest?.digest == written.digest)
    #expect(checkpoint.manifest?.program == .current)
    for (tensors, collection) in [
      (sample.contents.weights, checkpoint.weights), (sample.contents.optimizer, try #require(checkpoint.optimizer)),
    ] {
      #expect(collection.names.sorted() == tensors.map(\.name).sorted())
      for tensor in tensors {
        var copy = [UInt8](repeating: 0, count: tensor.bytes.count)
        try copy.withUnsafeMutableBytes { try collection.copyBytes(of: tensor.name, to: $0) }
        #expect(copy == [UInt8](tensor.bytes), "\(tensor.name)")
      }
    }
    #expect(try bytes(of: written.path + "/tokenizer.model") == Array("pieces 1000".utf8))
  }

  @Test func `the files are those of a Hugging Face directory and what training needs`() throws {
    let scratch = try Scratch()
    let written = try SampleCheckpoint(step: 1).write(to: scratch.path)
    let expected = [
      "config.json", "generation_config.json", "manifest.json", "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors", "model.safetensors.index.json",
      "optimizer-00001-of-00002.safetensors", "optimizer-00002-of-00002.safetensors",
      "optimizer.safetensors.index.json", "tokenizer.model", "trainer_state.json",
    ]
    #expect(try names(in: written.path) == expected)
    let index = try JSONValue(
      json: String(decoding: bytes(of: written.path + "/model.safetensors.index.json"), as: UTF8.self))
    #expect(index["metadata"]?["total_size"] == 280)
    #expect(index["weight_map"]?["model.embeddings.weight"] == "model-00001-of-00003.safetensors")
    #expect(index["weight_map"]?.entries?.count == 5)
  }

  @Test func `the manifest's digest is that of its compact JSON without it`() throws {
    let scratch = try Scratch()
    let written = try SampleCheckpoint(step: 1).write(to: scratch.path)
    let value = try JSONValue(json: String(decoding: bytes(of: written.path + "/manifest.json"), as: UTF8.self))
    let entries = try #require(value.entries).filter { $0.key != "digest" }
    #expect(value["digest"] == .text(Digest.sha256(of: JSONValue.mapping(entries).json(pretty: false))))
    #expect(Digest.sha256(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test func `an export is a plain directory with one file where it fits`() throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    let weights = [memory.floats("a", [2], [1, 2.001], storedAs: .bfloat16), memory.floats("b", [1], [3])]
    let export = ModelExport(config: ["model_type": "cat"], weights: weights)
    let path = scratch.path + "/new/model"
    try export.write(to: path, shardBytes: 1000)
    #expect(try names(in: path) == ["config.json", "manifest.json", "model.safetensors"])
    #expect(try names(in: scratch.path + "/new") == ["model"])
    for checkpoint in [try CheckpointDirectory(unverified: path), try CheckpointDirectory(verifying: path)] {
      #expect(checkpoint.weights.info("a")?.type == .bfloat16)
      #expect(try checkpoint.weights.floats("a") == [1, 2])
      #expect(checkpoint.optimizer == nil && checkpoint.state == nil)
    }
    #expect(try message { try export.write(to: path, shardBytes: 1000) }.contains("allowed: a new directory"))
    try export.write(to: scratch.path + "/sharded", shardBytes: 4)
    #expect(try CheckpointDirectory(unverified: scratch.path + "/sharded").weights.floats("b") == [3])
  }

  @Test func `a directory without a model says what it needs`() throws {
    let scratch = try Scratch()
    #expect(
      try message { _ = try CheckpointDirectory(unverified: scratch.path) }.hasSuffix(
        "config.json: the file is missing"))
    try scratch.file("config.json", Array("{}".utf8))
    let text = try message { _ = try CheckpointDirectory(unverified: scratch.path) }
    #expect(text == "\(scratch.path): model.safetensors or model.safetensors.index.json is missing")
    #expect(
      try message { _ = try CheckpointDirectory(verifying: scratch.path) }.hasSuffix(
        "manifest.json: the file is missing"))
  }

  @Test(
    arguments: [
      (#"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}"#, nil),
      (
        #"{"weight_map": {"a": "1.safetensors", "b": "1.safetensors"}}"#,
        "tensor b, which model.safetensors.index.json names, is missing"
      ),
      (
        #"{"weight_map": {"a": "2.safetensors", "b": "1.safetensors"}}"#,
        "file of tensor a: found 2.safetensors, allowed: 1.safetensors"
      ),
      (#"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "2.safetensors"}}"#, "tensor c, which"),
      (#"{"weight_map": {"a": "1.safetensors", "b": "4.safetensors"}}"#, "4.safetensors: the file is missing"),
      (
        #"{"weight_map": {"a": "1.safetensors", "b": "3.safetensors"}}"#,
        "tensor a: found also in 1.safetensors, allowed: in one shard"
      ),
      (#"{"weight_map": {"a": "../1.safetensors"}}"#, "allowed: a file's name"),
      (#"{"weight_map": {"a": 1}}"#, "key weight_map.a: found 1"),
      (#"{"map": {}}"#, "key weight_map is missing"),
    ] as [(String, String?)])
  func `shards and index must agree`(index: String, says: String?) throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    let (a, b) = (memory.floats("a", [1], [1]), memory.floats("b", [1], [2]))
    for (name, tensors) in [("1", [a]), ("2", [b]), ("3", [a, b])] {
      _ = try SafetensorsWriter().write(tensors, to: "\(scratch.path)/\(name).safetensors")
    }
    try scratch.file("config.json", Array("{}".utf8))
    try scratch.file("model.safetensors.index.json", Array(index.utf8))
    guard let says else {
      let checkpoint = try CheckpointDirectory(unverified: scratch.path)
      #expect(try checkpoint.weights.floats("b") == [2])
      #expect(try message { _ = try checkpoint.weights.floats("c") } == "\(scratch.path): tensor c is missing")
      return
    }
    let text = try message { _ = try CheckpointDirectory(unverified: scratch.path) }
    #expect(text.contains(says), "\(text)")
  }
}

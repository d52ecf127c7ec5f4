import Checkpoints
import FaultSupport
import Foundation
import JSON
import Testing

struct GoldenTests {
  /// Where the reference tensors are, beside the package.
  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("shared/golden").path
  static let isThere = FileManager.default.fileExists(atPath: directory)

  /// Directories that hold a model.
  static let models = ((try? names(in: directory)) ?? []).filter {
    FileManager.default.fileExists(atPath: "\(directory)/\($0)/model.safetensors")
  }

  @Test(.enabled(if: isThere, "the reference tensors are not there"))
  func `the model of every reference directory opens`() throws {
    try #require(!Self.models.isEmpty)
    for name in Self.models {
      let checkpoint = try CheckpointDirectory(unverified: Self.directory + "/" + name)
      #expect(checkpoint.config.entries?.isEmpty == false)
      #expect(checkpoint.optimizer == nil && checkpoint.state == nil && checkpoint.manifest == nil)
      for tensor in checkpoint.weights.names {
        let info = try #require(checkpoint.weights.info(tensor))
        if info.type == .float32 {
          let floats = try checkpoint.weights.floats(tensor)
          #expect(floats.count == info.shape.reduce(1, *) && floats.allSatisfy(\.isFinite), "\(name) \(tensor)")
        }
      }
    }
  }

  @Test(.enabled(if: isThere, "the reference tensors are not there"))
  func `every reference file opens and holds what its head says`() throws {
    for name in Self.models {
      let directory = Self.directory + "/" + name
      for file in try names(in: directory) where file.hasSuffix(".safetensors") {
        let tensors = try SafetensorsFile(path: directory + "/" + file)
        #expect(!tensors.tensors.isEmpty)
        for tensor in tensors.tensors {
          #expect(tensor.elementCount == tensor.shape.reduce(1, *), "\(name)/\(file) \(tensor.name)")
        }
      }
    }
  }

  @Test(.enabled(if: isThere, "the reference tensors are not there"))
  func `the names of the plain model are those of its kind`() throws {
    let checkpoint = try CheckpointDirectory(unverified: Self.directory + "/tiny")
    #expect(checkpoint.config["model_type"] == "cat")
    #expect(try checkpoint.weights.integers("model._train_chunk_size_step").count == 1)
    #expect(checkpoint.weights.info("model._train_chunk_size_step")?.shape == [])
    #expect(checkpoint.weights.info("lm_head.weight") != nil)
  }
}

import Foundation
import JSON
import Testing

extension CommandTests {
  /// Models whose numbers are none.
  @Suite struct NotFiniteTests {
    /// A workspace with the Hugging Face directory `out`, one tensor of which holds `value` in every `stride`-th place.
    private func workspace(_ tensor: String, _ value: Float, stride: Int) throws -> Workspace {
      let workspace = try Workspace(isTrained: true)
      try workspace.catlm("checkpoint", "export", "run", "out").succeeded()
      let file = "out/model.safetensors"
      var data = try workspace.bytes(file)
      // Eight bytes of length, a JSON object of that length, the tensors.
      let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      let header = try JSONValue(json: String(decoding: data[8..<8 + length], as: UTF8.self))
      let offsets = try #require(header[tensor]?["data_offsets"]?.listValue)
      let bounds = offsets.compactMap { $0.integerValue }
      withUnsafeBytes(of: value) { bytes in
        for place in Swift.stride(from: 8 + length + bounds[0], to: 8 + length + bounds[1], by: 4 * stride) {
          data.replaceSubrange(place..<place + 4, with: bytes)
        }
      }
      try data.write(to: URL(filePath: workspace.file(file)))
      // As from elsewhere: without a digest of what was there.
      try FileManager.default.removeItem(atPath: workspace.file("out/manifest.json"))
      return workspace
    }

    private static let commands = [
      ["checkpoint", "import", "out", "home"], ["checkpoint", "export", "out", "again"],
      ["evaluate", "out", "--text", "text.txt", "--context", "16"],
      ["generate", "out", "--prompt", "12 times", "--temperature", "1"],
      Workspace.training("tuned") + ["--set", "train.initial_weights=out"],
    ]

    @Test(arguments: commands, [Float.nan, -.infinity])
    func `weights that are not finite are refused with the name of their tensor`(
      command: [String], value: Float
    ) throws {
      let name = "model.layers.1.mlp.up_proj.weight"
      let workspace = try workspace(name, value, stride: 1000)
      let outcome = try Command.catlm(command, in: workspace.path).run()
      #expect(outcome.code == 2, "\(outcome.errors)")
      let line = try #require(outcome.errorLines.last)
      #expect(line.hasPrefix("catlm: out: tensor \(name) holds \(value) ("), "\(outcome.errors)")
      #expect(line.hasSuffix("allowed: finite numbers"), "\(outcome.errors)")
      #expect(command[0] == "train" || outcome.errorLines.count == 1, "\(outcome.errors)")
      for target in ["home", "again"] { #expect(!FileManager.default.fileExists(atPath: workspace.file(target))) }
    }

    @Test(arguments: ["0", "1"], [[], ["--no-cache"]])
    func `logits that are not finite end generation with one line`(temperature: String, options: [String]) throws {
      let workspace = try workspace("lm_head.weight", 3e38, stride: 1)
      let outcome = try Command.catlm(
        ["generate", "out", "--prompt", "12 times", "--temperature", temperature] + options, in: workspace.path
      ).run()
      #expect(outcome.code == 2 && outcome.output.isEmpty, "\(outcome.errors)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.hasPrefix("catlm: token 9: the logit of id "), "\(outcome.errors)")
    }
  }
}

internal import Checkpoints
internal import Foundation
internal import Generation

extension ParityCase {
  /// A gap between the two best logits below which either token is right.
  private static let smallestMargin = 1e-4

  /// Compares greedy continuations, counting tokens that differ where the reference was sure.
  func compareGenerations(_ report: inout ParityReport) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: directory)
    for file in files.sorted() where file.hasPrefix("generate_p") && file.hasSuffix(".safetensors") {
      let reference = try SafetensorsFile(path: directory + "/" + file)
      for info in reference.tensors where info.name.hasPrefix("tokens_c") {
        guard let chunkSize = Int(info.name.dropFirst("tokens_c".count)) else { continue }
        report.add(
          "tokens", tensor: file, chunkSize: chunkSize,
          error: Double(try differingTokenCount(reference, info, chunkSize: chunkSize)), bound: 0)
      }
    }
  }

  /// Compares the greedy continuation that lies beside the logits, if there is one: `prompt` and `generated`.
  func compareContinuation(_ golden: SafetensorsFile, chunkSize: Int, _ report: inout ParityReport) throws {
    guard let shape = golden.info("generated")?.shape, shape.count == 2, golden.info("prompt") != nil else { return }
    let generator = Generator(model: model, backend: backend, sampling: SamplingSettings())
    let prompts = try rows(golden.integers("prompt"), shape[0])
    let expected = try rows(golden.integers("generated"), shape[0])
    let found = try generator.generate(prompts, count: shape[1], chunkSize: chunkSize).tokens
    report.add(
      "tokens", tensor: "generated", chunkSize: chunkSize, error: Double(zip(found, expected).count { $0 != $1 }),
      bound: 0)
  }

  private func differingTokenCount(
    _ reference: SafetensorsFile, _ info: TensorInfo, chunkSize: Int
  ) throws -> Int {
    let (sampleCount, count) = (info.shape[0], info.shape[1])
    let prompts = try rows(reference.integers("prompt"), sampleCount)
    let expected = try rows(reference.integers(info.name), sampleCount)
    let margins = try reference.floats("margin_c\(chunkSize)")
    let generator = Generator(model: model, backend: backend, sampling: SamplingSettings())
    let found = try generator.generate(prompts, count: count, chunkSize: chunkSize).tokens
    return (0..<sampleCount).count { sample in
      // After a first difference the continuations are of different texts.
      guard let place = (0..<count).first(where: { found[sample][$0] != expected[sample][$0] }) else { return false }
      return Double(margins[sample * count + place]) >= Self.smallestMargin
    }
  }

  private func rows(_ values: [Int64], _ count: Int) -> [[Int32]] {
    let width = values.count / count
    return (0..<count).map { values[$0 * width..<($0 + 1) * width].map { Int32($0) } }
  }
}

import Foundation
import Generation
import Models
import TensorCore
import Testing

struct GenerationTests {
  @Test(arguments: [1, 3, 4, 8])
  func `greedy tokens are the largest of the full logits`(chunkSize: Int) throws {
    let backend = BackendKind.fastest.make()
    let testCase = LiteralCase(chunkSize: chunkSize, length: 5, sampleCount: 2)
    let model = try testCase.model(on: backend)
    let generator = Generator(model: model, backend: backend, sampling: SamplingSettings())
    let found = try generator.generate(testCase.samples, count: 9, chunkSize: chunkSize).tokens
    let width = testCase.vocabularySize
    for (prompt, continuation) in zip(testCase.samples, found) {
      var ids = prompt
      for _ in 0..<9 {
        let input = ModelInput(ids: ids, sampleCount: 1, length: ids.count, chunkSize: chunkSize, on: backend)
        let last = model.logits(input, tape: Tape(backend: backend, isRecording: false)).values.suffix(width)
        let best = try #require(last.indices.max { last[$0] < last[$1] })
        ids.append(Int32(best - last.startIndex))
      }
      #expect(continuation == Array(ids.dropFirst(prompt.count)))
    }
  }

  @Test func `generation stops at the longest sequence`() throws {
    let backend = BackendKind.fastest.make()
    let testCase = LiteralCase(chunkSize: 4, length: 30)
    let generator = Generator(model: try testCase.model(on: backend), backend: backend, sampling: SamplingSettings())
    let left = LiteralCase.longestSequence - 30
    #expect(try generator.generate(testCase.samples, count: 100, chunkSize: 4).tokens[0].count == left)
    #expect(try generator.generate(testCase.samples, count: .max, chunkSize: 4).tokens[0].count == left)
  }

  private func draws(_ settings: SamplingSettings, _ logits: [Float], count: Int = 4000) -> [Int32] {
    let sampler = Sampler(settings)
    return (0..<count).map { sampler.choose(logits[...], position: $0).id }
  }

  @Test(arguments: [0.5, 1, 2])
  func `tokens come as often as their probability at the temperature`(temperature: Double) {
    let logits: [Float] = [0.3, -1, 2, 1.1]
    let weights = logits.map { exp(Double($0) / temperature) }
    let found = draws(SamplingSettings(temperature: temperature, seed: 3), logits)
    for (id, weight) in weights.enumerated() {
      let expected = weight / weights.reduce(0, +)
      let share = Double(found.count { $0 == Int32(id) }) / Double(found.count)
      let deviation = (expected * (1 - expected) / Double(found.count)).squareRoot()
      #expect(abs(share - expected) <= 5 * deviation, "token \(id): expected \(expected), got \(share)")
    }
  }

  @Test func `top-k and top-p leave out all but the most likely tokens`() {
    let logits: [Float] = [0, 3, 1, 2.9, -2]
    #expect(Set(draws(SamplingSettings(temperature: 1, topK: 2), logits)) == [1, 3])
    #expect(Set(draws(SamplingSettings(temperature: 1, topK: 1), logits)) == [1])
    #expect(Set(draws(SamplingSettings(temperature: 1, topP: 0.6), logits)) == [1, 3])
    #expect(Set(draws(SamplingSettings(temperature: 1, topP: 1e-9), logits)) == [1])
    #expect(Set(draws(SamplingSettings(temperature: 1), logits)) == [0, 1, 2, 3, 4])
  }

  @Test func `without temperature the first of the largest is taken`() {
    #expect(Set(draws(SamplingSettings(), [1, 4, 4, 2], count: 20)) == [1])
  }

  @Test func `the same seed draws the same tokens, another seed others`() {
    let logits: [Float] = [0, 0.1, 0.2, 0.3]
    let first = draws(SamplingSettings(temperature: 1, seed: 1), logits, count: 100)
    #expect(draws(SamplingSettings(temperature: 1, seed: 1), logits, count: 100) == first)
    #expect(draws(SamplingSettings(temperature: 1, seed: 2), logits, count: 100) != first)
  }
}

import JSON
import Models
import ReferenceBackend
import TensorCore
import Testing

/// Rows that nobody asks for, targets that do not count, samples that share a batch.
struct RowTests {
  private static let cases = [1, 3, 4, 8].map {
    LiteralCase(keyValueHeadCount: 1, hasBias: true, hasHeadNorm: true, chunkSize: $0, length: 13, sampleCount: 3)
  }

  private func models(_ testCase: LiteralCase, _ backend: any Backend) throws -> [any LanguageModel] {
    let fields: JSONValue = [
      "vocab_size": .integer(testCase.vocabularySize), "hidden_size": 8, "num_hidden_layers": 2,
      "num_attention_heads": 2, "intermediate_size": 10, "max_position_embeddings": 32,
    ]
    let dense = DenseModel(
      try DenseConfig(JSONReader(fields, path: "model")), isTrained: true, backend: backend)
    dense.parameters.weights.assign(testValues(count: dense.parameters.count, seed: 3))
    return [try testCase.model(on: backend), dense]
  }

  @Test(arguments: cases)
  func `chosen positions have the logits that they have among all`(of testCase: LiteralCase) throws {
    let backend = BackendKind.fastest.make()
    for model in try models(testCase, backend) {
      let tape = Tape(backend: backend, isRecording: false)
      let width = testCase.vocabularySize
      let positions: [Int32] = [38, 0, 1, 12, 13, 25, 26, 7]
      expectSameLogits(
        of: model, "chosen logits",
        (
          {
            let all = model.logits(testCase.input(on: backend), tape: tape).values
            return positions.flatMap { all[Int($0) * width..<(Int($0) + 1) * width] }
          },
          {
            let chosen = model.logits(testCase.input(positions: positions, on: backend), tape: tape)
            #expect(chosen.shape == [positions.count, width])
            return chosen.values
          }
        ))
    }
  }

  @Test(arguments: cases)
  func `a batch gives what its samples give alone`(of testCase: LiteralCase) throws {
    let backend = BackendKind.fastest.make()
    for model in try models(testCase, backend) {
      let tape = Tape(backend: backend, isRecording: false)
      expectSameLogits(
        of: model, "logits of a batch",
        (
          { model.logits(testCase.input(on: backend), tape: tape).values },
          {
            testCase.samples.flatMap { ids in
              model.logits(
                ModelInput(ids: ids, sampleCount: 1, length: ids.count, chunkSize: testCase.chunkSize, on: backend),
                tape: tape
              ).values
            }
          }
        ))
    }
  }

  @Test(arguments: cases)
  func `ignored targets do not count`(of testCase: LiteralCase) throws {
    let backend = BackendKind.fastest.make()
    let model = try testCase.model(on: backend)
    var targets = testCase.targets
    for sample in targets.indices {
      for place in targets[sample].indices where (place * 7 + sample) % 3 != 0 { targets[sample][place] = -100 }
    }
    targets[1] = targets[1].map { _ in -100 }
    let loss = model.meanLoss(testCase.samples, targets: targets, chunkSize: testCase.chunkSize, backend: backend)
    let literal = LiteralCAT(try testCase.config(), parameters: model.parameters)
    let expected = literal.loss(testCase.samples, targets: targets, chunkSize: testCase.chunkSize)
    #expect(abs(loss - expected) <= 1e-5, "expected \(expected), got \(loss)")
  }

  @Test func `the embedding of the padding id takes no gradient`() throws {
    let backend = BackendKind.fastest.make()
    let padding = 3
    let testCase = LiteralCase(paddingID: padding, chunkSize: 4, length: 30, sampleCount: 2)
    try #require(testCase.samples[0].prefix(28).contains(Int32(padding)))
    let model = try testCase.model(on: backend)
    _ = model.meanLoss(testCase.samples, targets: testCase.targets, chunkSize: 4, backend: backend)
    func hasGradient(_ name: String, row: Int) throws -> Bool {
      try #require(model.parameters[name].parameterGradient).rows(row..<row + 1).values.contains { $0 != 0 }
    }
    #expect(try !hasGradient("model.embeddings.weight", row: padding))
    #expect(try hasGradient("model.embeddings.weight", row: padding + 1))
    #expect(try hasGradient("model.compressor.wte.weight", row: padding))
    #expect(try hasGradient("lm_head.weight", row: padding))
  }

  @Test(arguments: [1, 2, 3, 8])
  func `parameters that a chunk size does not use have no gradient`(chunkSize: Int) throws {
    let backend = BackendKind.fastest.make()
    let testCase = LiteralCase(chunkSize: chunkSize, length: 17)
    let model = try testCase.model(on: backend)
    _ = model.meanLoss(testCase.samples, targets: testCase.targets, chunkSize: chunkSize, backend: backend)
    func usedRows(_ name: String) throws -> [Int] {
      let gradient = try #require(model.parameters[name].parameterGradient)
      return (0..<gradient.rowCount).filter { row in gradient.rows(row..<row + 1).values.contains { $0 != 0 } }
    }
    #expect(try usedRows("model.adaptive_token.weight") == [chunkSize])
    #expect(try usedRows("model.compressor.adaptive_tokens.weight") == [chunkSize])
    #expect(try usedRows("model.compressor.pos_tokens.weight") == Array(0..<17 / chunkSize))
    // With one token a chunk, tokens reach the decoder through the compressor alone.
    #expect(try usedRows("model.embeddings.weight").isEmpty == (chunkSize == 1))
  }
}

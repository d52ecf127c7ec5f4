import JSON
import Models
import Randomness
import TensorCore
import Testing

/// The packed models of every other kind against their definitions, taken word by word.
struct VariantTests {
  @Test(arguments: VariantCase.fixed + VariantCase.hybrids + VariantCase.drawn)
  func `logits are those of the definition`(of testCase: VariantCase) throws {
    try expectLiteralLogits(testCase, on: .fastest)
  }

  @Test(arguments: VariantCase.drawn.suffix(6))
  func `the slow kernels give the logits of the definition`(of testCase: VariantCase) throws {
    try expectLiteralLogits(testCase, on: .reference)
  }

  private func expectLiteralLogits(_ testCase: VariantCase, on kind: BackendKind) throws {
    let backend = kind.make()
    let model = try testCase.model(on: backend)
    let logits = model.logits(testCase.input(on: backend), tape: Tape(backend: backend, isRecording: false))
    let literal = try testCase.literal(model.parameters)
    let expected = testCase.samples.flatMap { literal.logits($0, chunkSize: testCase.chunkSize).flatMap { $0 } }
    expectClose(logits.values, expected, within: 2e-5, "logits")
  }

  @Test(arguments: gradientCases)
  func `gradients are the differences of the definition's loss`(of testCase: VariantCase) throws {
    let backend = BackendKind.fastest.make()
    let model = try testCase.model(on: backend)
    let (samples, targets, C) = (testCase.samples, testCase.targets, testCase.chunkSize)
    let loss = model.meanLoss(samples, targets: targets, chunkSize: C, backend: backend)
    var literal = try testCase.literal(model.parameters)
    #expect(abs(loss - literal.loss(samples, targets: targets, chunkSize: C)) <= 1e-5)

    var generator = CounterGenerator(seed: testCase.seed, stream: .task, index: 99)
    for spec in model.parameters.specs {
      let gradient = try #require(model.parameters[spec.name].parameterGradient).values
      let largest = gradient.reduce(0) { max($0, Double($1.magnitude)) }
      let width = spec.shape.last ?? 1
      // One entry where the gradient is largest, one by lot.
      let steepest = gradient.indices.max { gradient[$0].magnitude < gradient[$1].magnitude } ?? 0
      let places: [Int] = [steepest, generator.below(spec.count)]
      for place in places {
        let difference: Double = derivative(
          of: spec.name, row: place / width, column: place % width, &literal, samples, targets, C)
        let found = Double(gradient[place])
        let isClose = abs(found - difference) <= 1e-4 * largest + 1e-8 && (difference != 0 || found == 0)
        #expect(
          isClose,
          "\(spec.name)[\(place)]: expected \(difference), got \(found); largest of the tensor \(largest)")
      }
    }
  }

  private static let gradientCases =
    [(1, 4), (2, 5), (3, 7), (4, 8)].map { VariantCase.fixed(chunkSize: $0.0, length: $0.1, isFull: true) }
    + VariantCase.hybrids.filter { $0.length == 5 || $0.length == 7 } + VariantCase.drawn.prefix(8)

  private func derivative(
    of name: String, row: Int, column: Int, _ literal: inout any LiteralModel, _ samples: [[Int32]],
    _ targets: [[Int32]], _ chunkSize: Int
  ) -> Double {
    literal.derivative(of: name, row: row, column: column) {
      $0.loss(samples, targets: targets, chunkSize: chunkSize)
    }
  }

  @Test(arguments: VariantCase.drawn)
  func `chosen positions have the logits that they have among all`(of testCase: VariantCase) throws {
    let backend = BackendKind.fastest.make()
    let model = try testCase.model(on: backend)
    let tape = Tape(backend: backend, isRecording: false)
    let count = testCase.sampleCount * testCase.length
    let positions = (0..<Int32(count)).filter { $0 % 3 != 1 }.reversed().map { $0 }
    let width = VariantCase.vocabularySize
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

  @Test(arguments: VariantCase.drawn.filter { $0.sampleCount == 2 })
  func `a batch gives what its samples give alone`(of testCase: VariantCase) throws {
    let backend = BackendKind.fastest.make()
    let model = try testCase.model(on: backend)
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

  @Test func `a list of dense layers is the dense model`() throws {
    let backend = BackendKind.fastest.make()
    let common: [(String, JSONValue)] = [
      ("hidden_size", 8), ("num_hidden_layers", 3), ("num_attention_heads", 2), ("num_key_value_heads", 1),
      ("intermediate_size", 10), ("qk_norm", true),
    ]
    let hybrid = VariantCase([("model_type", "hybrid"), ("layers", ["dense"])] + common, length: 20)
    let dense = VariantCase([("model_type", "llama")] + common, length: 20)
    let logits = try [hybrid, dense].map {
      try $0.model(on: backend).logits($0.input(on: backend), tape: Tape(backend: backend, isRecording: false)).values
    }
    #expect(logits[0] == logits[1])
  }

  @Test func `a window as long as the sequence sees all of it`() throws {
    let backend = BackendKind.fastest.make()
    let logits = try (["dense", ["type": "window", "window": 20]] as [JSONValue]).map { layer in
      let testCase = VariantCase(
        [
          ("model_type", "hybrid"), ("layers", .list([layer, layer])), ("hidden_size", 8),
          ("num_attention_heads", 2), ("intermediate_size", 10),
        ], length: 20)
      return try testCase.model(on: backend).logits(
        testCase.input(on: backend), tape: Tape(backend: backend, isRecording: false)
      ).values
    }
    #expect(logits[0] == logits[1])
  }
}

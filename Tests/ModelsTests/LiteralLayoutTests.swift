import Models
import Randomness
import TensorCore
import Testing

/// The packed model against CAT's definition, taken word by word.
struct LiteralLayoutTests {
  @Test(arguments: LiteralCase.grid + LiteralCase.drawn)
  func `logits are those of the definition`(of testCase: LiteralCase) throws {
    let backend = BackendKind.fastest.make()
    let model = try testCase.model(on: backend)
    let logits = model.logits(testCase.input(on: backend), tape: Tape(backend: backend, isRecording: false))
    let literal = LiteralCAT(try testCase.config(), parameters: model.parameters)
    let expected = testCase.samples.flatMap { literal.logits($0, chunkSize: testCase.chunkSize).flatMap { $0 } }
    expectClose(logits.values, expected, within: 2e-5, "logits")
  }

  @Test(arguments: LiteralCase.drawn.suffix(4))
  func `the slow kernels give the logits of the definition`(of testCase: LiteralCase) throws {
    let backend = BackendKind.reference.make()
    let model = try testCase.model(on: backend)
    let logits = model.logits(testCase.input(on: backend), tape: Tape(backend: backend, isRecording: false))
    let literal = LiteralCAT(try testCase.config(), parameters: model.parameters)
    let expected = testCase.samples.flatMap { literal.logits($0, chunkSize: testCase.chunkSize).flatMap { $0 } }
    expectClose(logits.values, expected, within: 2e-5, "logits")
  }

  @Test(arguments: gradientCases)
  func `gradients are the differences of the definition's loss`(of testCase: LiteralCase) throws {
    let backend = BackendKind.fastest.make()
    let model = try testCase.model(on: backend)
    let (samples, targets, C) = (testCase.samples, testCase.targets, testCase.chunkSize)
    let loss = model.meanLoss(samples, targets: targets, chunkSize: C, backend: backend)
    var literal = LiteralCAT(try testCase.config(), parameters: model.parameters)
    #expect(abs(loss - literal.loss(samples, targets: targets, chunkSize: C)) <= 1e-5)

    var generator = CounterGenerator(seed: testCase.seed, stream: .task, index: 99)
    for spec in model.parameters.specs {
      let gradient = try #require(model.parameters[spec.name].parameterGradient).values
      let largest = gradient.reduce(0) { max($0, Double($1.magnitude)) }
      let width = spec.shape.last ?? 1
      // One entry where the gradient is largest, one by lot.
      let places =
        [gradient.indices.max { gradient[$0].magnitude < gradient[$1].magnitude } ?? 0]
        + [generator.below(spec.count)]
      for place in places {
        let difference = literal.derivative(of: spec.name, row: place / width, column: place % width) {
          $0.loss(samples, targets: targets, chunkSize: C)
        }
        let found = Double(gradient[place])
        #expect(
          abs(found - difference) <= 1e-4 * largest + 1e-8 && (difference != 0 || found == 0),
          "\(spec.name)[\(place)]: expected \(difference), got \(found); largest of the tensor \(largest)")
      }
    }
  }

  static let gradientCases: [LiteralCase] = {
    let full = [1, 2, 3, 4, 7, 8].map { (size: Int) -> LiteralCase in
      LiteralCase(
        keyValueHeadCount: 1, hasBias: true, hasHeadNorm: true, isTied: size % 2 == 0, chunkSize: size,
        length: size < 4 ? 2 * size + 1 : size + 2,
        sampleCount: size < 4 ? 2 : 1)
    }
    return full + LiteralCase.drawn.filter { $0.length > $0.chunkSize }.prefix(3)
  }()
}

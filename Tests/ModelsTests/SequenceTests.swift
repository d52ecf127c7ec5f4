import Models
import Randomness
import ReferenceBackend
import TensorCore
import Testing

/// Sequences of several lengths in one call give what each of them gives alone: no row sees one of another sequence, and
/// positions and chunks begin anew.
struct SequenceTests {
  /// Lengths by lot, sorted as data sorts them; the first few cases hold what is special.
  private static func lengths(_ seed: UInt64) -> [Int] {
    switch seed % 8 {
    case 0: return [1, 1, 1]
    case 1: return [1, 2, 9]
    default:
      var generator = CounterGenerator(seed: 4711, stream: .task, index: seed)
      return (0..<1 + generator.below(7)).map { _ in 1 + generator.below(24) }.sorted()
    }
  }

  private struct Outcome {
    var loss = 0.0
    var gradients: [Float] = []
    var matches = 0
  }

  /// What the sequences come to, those of a call together.
  private func outcome(
    of model: any LanguageModel, _ calls: [[Int]], ids: [Int32], targets: [Int32], chunkSize: Int,
    _ recomputation: Recomputation = .none, on backend: any Backend
  ) throws -> Outcome {
    let gradients = try #require(model.parameters.gradients)
    backend.fill(gradients, with: 0)
    var result = Outcome()
    var start = 0
    for lengths in calls {
      let range = start..<start + lengths.reduce(0, +)
      start = range.upperBound
      let tape = Tape(backend: backend, isRecording: true, recomputation: recomputation)
      let head = model.loss(
        ids: Array(ids[range]), targets: Array(targets[range]), lengths: lengths, chunkSize: chunkSize,
        gradientScale: 0.1, countsCorrect: true, tape: tape)
      tape.backward()
      result.loss += head.lossSum
      result.matches += head.correctCount
    }
    result.gradients = gradients.values
    return result
  }

  private func expectAlone(
    _ model: any LanguageModel, seed: UInt64, idCount: Int, chunkSize: Int, on backend: any Backend
  ) throws {
    let lengths = Self.lengths(seed)
    var generator = CounterGenerator(seed: seed, stream: .task, index: 5)
    let count = lengths.reduce(0, +)
    let ids = (0..<count).map { _ in Int32(generator.below(idCount)) }
    let targets = (0..<count).map { _ in
      seed % 3 == 0 && generator.below(3) == 0 ? Int32(-100) : Int32(generator.below(idCount))
    }
    guard targets.contains(where: { $0 >= 0 }) else { return }
    func outcome(_ calls: [[Int]], _ recomputation: Recomputation = .none) throws -> Outcome {
      try self.outcome(
        of: model, calls, ids: ids, targets: targets, chunkSize: chunkSize, recomputation, on: backend)
    }
    let together = try outcome([lengths])
    let alone = try outcome(lengths.map { [$0] })
    #expect(abs(together.loss - alone.loss) <= 1e-5 * alone.loss, "\(lengths)")
    #expect(together.matches == alone.matches)
    for spec in model.parameters.specs {
      let range = try #require(model.parameters[spec.name].parameterGradient).offset
      let (found, expected) = (
        Array(together.gradients[range..<range + spec.count]), Array(alone.gradients[range..<range + spec.count])
      )
      // What no row reads has no gradient.
      #expect(zip(found, expected).allSatisfy { ($0 == 0) == ($1 == 0) || abs($0 - $1) < 1e-6 }, "\(spec.name)")
      let difference = closeness(of: found, to: expected)
      #expect(
        difference.relativeL2 <= 2e-4 || difference.largestDifference <= 1e-6,
        "\(spec.name) of \(lengths): \(difference)")
    }
    for mode in [Recomputation.attention, .blocks] {
      let again = try outcome([lengths], mode)
      #expect(again.loss == together.loss && again.gradients == together.gradients, "\(mode)")
    }
  }

  @Test(arguments: LiteralCase.drawn + LiteralCase.grid)
  func `sequences of an adaptive CAT are what they are alone`(of testCase: LiteralCase) throws {
    let backend = BackendKind.fastest.make()
    for number in 0..<4 {
      try expectAlone(
        testCase.model(on: backend), seed: testCase.seed &* 4 &+ UInt64(number + testCase.length),
        idCount: testCase.vocabularySize, chunkSize: testCase.chunkSize, on: backend)
    }
  }

  @Test(arguments: VariantCase.drawn + VariantCase.fixed.suffix(10) + VariantCase.hybrids.suffix(16))
  func `sequences of all other kinds are what they are alone`(of testCase: VariantCase) throws {
    let backend = BackendKind.fastest.make()
    for number in 0..<4 {
      try expectAlone(
        testCase.model(on: backend), seed: testCase.seed &* 4 &+ UInt64(number + testCase.length),
        idCount: VariantCase.vocabularySize, chunkSize: testCase.chunkSize, on: backend)
    }
  }

  @Test(arguments: LiteralCase.drawn.suffix(4))
  func `the slow kernels agree, whose recycled memory holds no number`(of testCase: LiteralCase) throws {
    let backend = ReferenceBackend()
    try expectAlone(
      testCase.model(on: backend), seed: testCase.seed, idCount: testCase.vocabularySize,
      chunkSize: testCase.chunkSize, on: backend)
  }

  @Test func `lists that are another batch's no more are not kept`() throws {
    let testCase = LiteralCase.drawn[3]
    let backend = BackendKind.fastest.make()
    let model = try testCase.model(on: backend)
    func loss(_ lengths: [Int]) {
      let ids = [Int32](repeating: 1, count: lengths.reduce(0, +))
      _ = model.loss(
        ids: ids, targets: ids, lengths: lengths, chunkSize: testCase.chunkSize, gradientScale: 1,
        tape: Tape(backend: backend, isRecording: false))
    }
    loss([9, 9])
    let bytes = backend.constants.byteCount
    for length in 1..<9 { loss([length, length + 1, 12]) }
    #expect(backend.constants.byteCount == bytes)
  }
}

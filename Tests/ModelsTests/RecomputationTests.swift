import Models
import ReferenceBackend
import TensorCore
import Testing

/// What is run again in the backward pass changes memory and time, and nothing else.
struct RecomputationTests {
  private static let modes: [Recomputation] = [.attention, .blocks]

  /// What one step leaves.
  private struct Outcome: Equatable {
    var loss: Double
    var gradients: [UInt32]
    /// Stretches of the flat gradients, as the backward pass finished with them.
    var writes: [Range<Int>]
  }

  private func outcome(
    _ model: any LanguageModel, _ samples: [[Int32]], _ targets: [[Int32]], chunkSize: Int, on backend: any Backend,
    _ recomputation: Recomputation
  ) throws -> Outcome {
    let gradients = try #require(model.parameters.gradients)
    backend.fill(gradients, with: 0)
    let tape = Tape(backend: backend, isRecording: true, recomputation: recomputation)
    let head = model.loss(
      ids: samples.flatMap { $0 }, targets: targets.flatMap { $0 }, sampleCount: samples.count,
      length: samples[0].count, chunkSize: chunkSize, gradientScale: 0.1, tape: tape)
    #expect(tape.outstandingWrites.isEmpty == false)
    var writes: [Range<Int>] = []
    tape.backward { writes.append($0) }
    return Outcome(loss: head.lossSum, gradients: gradients.values.map(\.bitPattern), writes: writes)
  }

  private func expectSame(
    _ model: any LanguageModel, _ samples: [[Int32]], _ targets: [[Int32]], chunkSize: Int, on backend: any Backend
  ) throws {
    let kept = try outcome(model, samples, targets, chunkSize: chunkSize, on: backend, .none)
    #expect(kept.gradients.contains { Float(bitPattern: $0) != 0 })
    for mode in Self.modes {
      let again = try outcome(model, samples, targets, chunkSize: chunkSize, on: backend, mode)
      #expect(again == kept, "\(mode)")
    }
  }

  @Test(arguments: LiteralCase.drawn + LiteralCase.grid.suffix(12))
  func `gradients of an adaptive CAT are the same to the bit`(of testCase: LiteralCase) throws {
    // The slow one fills recycled memory with not-a-number: what was given up must not be read.
    for backend in [BackendKind.fastest.make(), ReferenceBackend()] {
      try expectSame(
        testCase.model(on: backend), testCase.samples, testCase.targets, chunkSize: testCase.chunkSize, on: backend)
    }
  }

  @Test(arguments: VariantCase.drawn + VariantCase.fixed.suffix(10) + VariantCase.hybrids.suffix(12))
  func `gradients of all other kinds are the same to the bit`(of testCase: VariantCase) throws {
    for backend in [BackendKind.fastest.make(), ReferenceBackend()] {
      try expectSame(
        testCase.model(on: backend), testCase.samples, testCase.targets, chunkSize: testCase.chunkSize, on: backend)
    }
  }
}

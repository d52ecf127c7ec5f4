import CPUBackend
import ReferenceBackend
import Testing

@testable import TensorCore

/// Blocks of norm, projection and MLP over one stream, each a segment that may be run again.
private struct PartRun {
  let backend: any Backend
  private let parameters: ParameterStore
  private let recomputation: Recomputation
  private static let width = 6

  init(_ recomputation: Recomputation, rowCount: Int = 5, on backend: any Backend) {
    self.backend = backend
    self.recomputation = recomputation
    let width = Self.width
    let specs = [
      ("stream", [rowCount, width]), ("first", [width, width]), ("norm", [width]), ("up", [2 * width, width]),
      ("down", [width, width]),
    ]
    parameters = ParameterStore(
      specs.map { ParameterSpec($0, $1, .constant(0)) }, isTrained: true, backend: backend)
    parameters.weights.assign(testValues(count: parameters.count, seed: 3))
  }

  /// Records the blocks and gives their stream a gradient.
  func recorded(blockCount: Int) -> Tape {
    let tape = Tape(backend: backend, isRecording: true, recomputation: recomputation)
    let rows = (0..<Int32(parameters["stream"].rowCount)).map { $0 }
    var base = tape.select(parameters["stream"], rows: rows)
    var delta = tape.linear(base, weight: parameters["first"])
    for _ in 0..<blockCount { (base, delta) = block(base, delta, tape: tape) }
    for (output, seed) in [(base, 29), (delta, 31)] as [(Tensor, UInt64)] {
      tape.contribute(tensor(testValues(count: output.count, seed: seed), output.shape, on: backend), to: output)
    }
    return tape
  }

  private func block(_ base: Tensor, _ delta: Tensor, tape: Tape) -> (Tensor, Tensor) {
    let weight = parameters["norm"]
    let (sum, normed) = tape.norm(base, plus: delta, weight: weight, epsilon: 0.1)
    let remade = SegmentInput(normed) { $0.norm(sum, weight: weight, epsilon: 0.1) }
    let results = tape.recomputing(.blocks, [SegmentInput(sum), remade]) { tape, inputs in
      let branch = tape.linear(inputs[1], weight: parameters["first"])
      let (sum, normed) = tape.norm(inputs[0], plus: branch, weight: weight, epsilon: 0.1)
      let gateUp = tape.linear(normed, weight: parameters["up"])
      return [sum, tape.gatedLinear(gateUp, weight: parameters["down"], endsSegment: true)]
    }
    return (results[0], results[1])
  }

  /// The gradients' bits, and what the backward pass said of its writes.
  func gradients(blockCount: Int) throws -> (bits: [UInt32], writes: [Range<Int>]) {
    let gradients = try #require(parameters.gradients)
    backend.fill(gradients, with: 0)
    let tape = recorded(blockCount: blockCount)
    let outstanding = tape.outstandingWrites
    var writes: [Range<Int>] = []
    tape.backward { writes.append($0) }
    #expect(outstanding.count == writes.count && Set(outstanding) == Set(writes))
    return (gradients.values.map(\.bitPattern), writes)
  }
}

struct RecomputedSegmentTests {
  @Test(arguments: 1...4)
  func `segments that are run again give the same gradients to the bit, in the same order`(blockCount: Int) throws {
    for make in [{ ReferenceBackend() as any Backend }, { CPUBackend(threadCount: 2) as any Backend }] {
      let kept = try PartRun(.none, on: make()).gradients(blockCount: blockCount)
      let again = try PartRun(.blocks, on: make()).gradients(blockCount: blockCount)
      #expect(again.bits == kept.bits)
      #expect(again.writes == kept.writes)
      #expect(kept.bits.contains { Float(bitPattern: $0) != 0 })
    }
  }

  /// Bytes that one more block keeps until the backward pass.
  private func bytesOfABlock(_ recomputation: Recomputation) -> Int {
    let run = PartRun(recomputation, rowCount: 64, on: CPUBackend(threadCount: 1))
    let used = [3, 4].map { count in
      let tape = run.recorded(blockCount: count)
      defer { tape.clear() }
      return run.backend.pool.statistics.usedBytes
    }
    return used[1] - used[0]
  }

  @Test func `a segment keeps its input alone`() {
    let input = 64 * 6 * 4
    // Beside the stream there is a number for each row, of its norm.
    #expect(bytesOfABlock(.blocks) == input + 64 * 4)
    #expect(bytesOfABlock(.none) >= 6 * input)
  }

  @Test(arguments: Recomputation.allCases)
  func `nothing is kept after the backward pass`(recomputation: Recomputation) throws {
    let run = PartRun(recomputation, on: CPUBackend(threadCount: 1))
    let before = run.backend.pool.statistics.usedBytes
    _ = try run.gradients(blockCount: 3)
    #expect(run.backend.pool.statistics.usedBytes == before)
  }

  @Test func `an input that others read as well receives all gradients`() throws {
    let backend = ReferenceBackend()
    let store = ParameterStore([ParameterSpec("x", [3, 4], .constant(1))], isTrained: true, backend: backend)
    store.weights.assign(testValues(count: 12, seed: 5))
    let tape = Tape(backend: backend, isRecording: true, recomputation: .blocks)
    let x = tape.select(store["x"], rows: [0, 1, 2])
    let segments = (0..<2).map { _ in
      tape.recomputing(.blocks, [SegmentInput(x)]) { tape, inputs in [tape.select(inputs[0], rows: [2, 0]), inputs[0]] }
    }
    let other = tape.select(x, rows: [1])
    // One result of the second segment is read by nobody.
    let outputs: [(Tensor, Float)] = [
      (segments[0][0], 1), (segments[0][1], 10), (segments[1][0], 100), (other, 1000),
    ]
    for (output, value) in outputs {
      tape.contribute(tensor([Float](repeating: value, count: output.count), output.shape, on: backend), to: output)
    }
    tape.backward()
    let rows = stride(from: 0, to: 12, by: 4).map { store.gradients?.values[$0] }
    #expect(rows == [111, 1010, 111])
  }

  @Test func `a segment that no gradient reaches is not run again, and its writes are done`() throws {
    let backend = ReferenceBackend()
    let store = ParameterStore(
      [ParameterSpec("x", [3, 4], .constant(1)), ParameterSpec("w", [2, 4], .constant(1))], isTrained: true,
      backend: backend)
    var runCount = 0
    let tape = Tape(backend: backend, isRecording: true, recomputation: .blocks)
    let x = tape.select(store["x"], rows: [0, 1, 2])
    for _ in 0..<2 {
      _ = tape.recomputing(.blocks, [SegmentInput(x)]) { tape, inputs in
        runCount += 1
        return [tape.linear(inputs[0], weight: store["w"])]
      }
    }
    var writes: [Range<Int>] = []
    tape.backward { writes.append($0) }
    #expect(writes == [12..<20, 12..<20, 0..<12])
    #expect(runCount == 2)
    #expect(store.gradients?.values.allSatisfy { $0 == 0 } == true)
  }

  @Test(arguments: [(Recomputation.none, 3), (.attention, 3), (.blocks, 5)])
  func `all segments but the last are run once more`(recomputation: Recomputation, expected: Int) {
    let backend = ReferenceBackend()
    let store = ParameterStore([ParameterSpec("w", [4, 4], .constant(1))], isTrained: true, backend: backend)
    var runCount = 0
    let tape = Tape(backend: backend, isRecording: true, recomputation: recomputation)
    var x = tape.select(store["w"], rows: [0, 1])
    for _ in 0..<3 {
      x =
        tape.recomputing(.blocks, [SegmentInput(x)]) { tape, inputs in
          runCount += 1
          return [tape.linear(inputs[0], weight: store["w"])]
        }[0]
    }
    tape.contribute(tensor([Float](repeating: 1, count: 8), [2, 4], on: backend), to: x)
    tape.backward()
    #expect(runCount == expected)
  }
}

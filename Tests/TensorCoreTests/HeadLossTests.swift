import CPUBackend
import Foundation
import ReferenceBackend
import Testing

@testable import TensorCore

struct HeadLossTests {
  private func store(_ rows: Int, _ vocabulary: Int, _ width: Int, on backend: any Backend) -> ParameterStore {
    let specs = [
      ParameterSpec("hidden", [rows, width], .constant(0)), ParameterSpec("head", [vocabulary, width], .constant(0)),
    ]
    let store = ParameterStore(specs, isTrained: true, backend: backend)
    store.weights.assign(testValues(count: store.count, seed: 8))
    return store
  }

  private func loss(
    _ store: ParameterStore, targets: [Int32], scale: Float, on backend: any Backend, isRecording: Bool
  ) -> HeadResult {
    let tape = Tape(backend: backend, isRecording: isRecording)
    let hidden = tape.select(store["hidden"], rows: (0..<Int32(targets.count)).map { $0 })
    let result = tape.headLoss(
      hidden, weight: store["head"], targets: targets, gradientScale: scale, countsCorrect: true)
    tape.backward()
    return result
  }

  @Test func `gradients are the differences of the loss`() throws {
    let backend = ReferenceBackend()
    let targets: [Int32] = [2, 0, 6, 2]
    let store = store(4, 7, 3, on: backend)
    _ = loss(store, targets: targets, scale: 0.25, on: backend, isRecording: true)
    let weights = store.weights.values
    let differences = weights.indices.map { index in
      let step: Float = 1 / 128
      defer { store.weights.set(index, to: weights[index]) }
      store.weights.set(index, to: weights[index] + step)
      let above = loss(store, targets: targets, scale: 0.25, on: backend, isRecording: false).lossSum
      store.weights.set(index, to: weights[index] - step)
      let below = loss(store, targets: targets, scale: 0.25, on: backend, isRecording: false).lossSum
      return Float(0.25 * (above - below) / (2 * Double(step)))
    }
    expectClose(try #require(store.gradients).values, differences, within: 2e-3, "gradient")
  }

  @Test(arguments: Configuration.all)
  func `fast kernels agree with the slow ones`(_ configuration: Configuration) throws {
    let targets = (0..<37).map { Int32($0 * 5 % 41) }
    let (fast, slow) = (configuration.backend() as any Backend, ReferenceBackend() as any Backend)
    let (first, second) = (store(37, 41, 6, on: fast), store(37, 41, 6, on: slow))
    let found = loss(first, targets: targets, scale: 0.1, on: fast, isRecording: true)
    let expected = loss(second, targets: targets, scale: 0.1, on: slow, isRecording: true)
    #expect(abs(found.lossSum / expected.lossSum - 1) <= 1e-6)
    #expect(found.correctCount == expected.correctCount && found.rowCount == 37)
    expectClose(
      try #require(first.gradients).values, try #require(second.gradients).values, within: 1e-5, "gradient")
  }

  @Test func `blocks of rows give what one row at a time gives`() throws {
    let backend = CPUBackend(threadCount: 2)
    let vocabulary = Tape.headBlockElements / 2 - 1000
    let rowCount = 5  // two, two and one
    let specs = [
      ParameterSpec("hidden", [rowCount, 1], .constant(0)), ParameterSpec("head", [vocabulary, 1], .constant(0)),
    ]
    let store = ParameterStore(specs, isTrained: true, backend: backend)
    // Filled by kernels where it is large, for tests run without optimisation.
    backend.fill(store["head"], with: 0.5)
    store["hidden"].assign([0.1, -0.7, 1.3, 0.4, -2])
    let targets = (0..<rowCount).map { Int32($0 * 301_007) }
    for target in targets { store["head"].set(Int(target), to: -Float(target % 10)) }
    func read() throws -> (hidden: [Float], targets: [Float], headSquares: Double) {
      let head = try #require(store["head"].parameterGradient)
      let values = head.values
      return (
        try #require(store["hidden"].parameterGradient).values, targets.map { values[Int($0)] },
        backend.sumOfSquares(head)
      )
    }

    let together = loss(store, targets: targets, scale: 0.5, on: backend, isRecording: true)
    let inBlocks = try read()
    backend.fill(try #require(store.gradients), with: 0)
    var lossSum = 0.0
    for row in 0..<rowCount {
      let tape = Tape(backend: backend, isRecording: true)
      let hidden = tape.select(store["hidden"], rows: [Int32(row)])
      lossSum += tape.headLoss(hidden, weight: store["head"], targets: [targets[row]], gradientScale: 0.5).lossSum
      tape.backward()
    }
    let oneByOne = try read()
    #expect(abs(together.lossSum / lossSum - 1) <= 1e-6, "expected \(lossSum), got \(together.lossSum)")
    expectClose(inBlocks.hidden, oneByOne.hidden, within: 1e-5, "gradient of the hidden rows")
    expectClose(inBlocks.targets, oneByOne.targets, within: 1e-5, "gradient of the targets' rows")
    #expect(abs(inBlocks.headSquares / oneByOne.headSquares - 1) <= 1e-5)
  }

  @Test func `no rows have no loss`() {
    let backend = CPUBackend(threadCount: 1)
    let result = loss(store(1, 5, 2, on: backend), targets: [], scale: 1, on: backend, isRecording: true)
    #expect(result.lossSum == 0 && result.rowCount == 0)
  }
}

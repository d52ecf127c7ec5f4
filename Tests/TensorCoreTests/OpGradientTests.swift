import CPUBackend
import ReferenceBackend
import Testing

@testable import TensorCore

struct OpGradientTests {
  @Test(arguments: OpCase.allCases)
  func `gradients are the differences of the results`(of opCase: OpCase) {
    let run = OpRun(opCase, on: ReferenceBackend())
    let gradient = run.gradient()
    // The backward pass may use up what it read; start again from the same weights.
    let weights = testValues(count: run.parameters.count, seed: 17)
    run.parameters.weights.assign(weights)
    let differences = weights.indices.map { index in
      let step: Float = 1 / 128
      defer { run.parameters.weights.set(index, to: weights[index]) }
      run.parameters.weights.set(index, to: weights[index] + step)
      let above = run.total()
      run.parameters.weights.set(index, to: weights[index] - step)
      return Float((above - run.total()) / (2 * Double(step)))
    }
    expectClose(gradient, differences, within: 2e-3, "gradient")
  }

  @Test(arguments: OpCase.allCases, Configuration.all)
  func `fast kernels agree with the slow ones`(of opCase: OpCase, _ configuration: Configuration) {
    let fast = OpRun(opCase, on: configuration.backend())
    let slow = OpRun(opCase, on: ReferenceBackend())
    expectClose(fast.results(), slow.results(), within: 1e-5, "results")
    expectClose(fast.gradient(), slow.gradient(), within: 2e-5, "gradient")
  }

  @Test(arguments: OpCase.allCases)
  func `with products in bfloat16 results and gradients stay near`(of opCase: OpCase) {
    let rounded = OpRun(opCase, on: CPUBackend(threadCount: 1, precision: .bfloat16))
    let slow = OpRun(opCase, on: ReferenceBackend())
    expectClose(rounded.results(), slow.results(), within: 2e-2, "results")
    expectClose(rounded.gradient(), slow.gradient(), within: 2e-2, "gradient")
  }

  @Test func `a frozen row takes no gradient, however often it is read`() throws {
    let backend = ReferenceBackend()
    let store = ParameterStore([ParameterSpec("table", [4, 2], .constant(1))], isTrained: true, backend: backend)
    let tape = Tape(backend: backend, isRecording: true)
    let y = tape.assemble(
      count: 5, [tape.source(store["table"], rows: [1, 3, 1, 0, 3], to: [0, 1, 2, 3, 4], frozenRow: 1)])
    tape.contribute(tensor((1...10).map(Float.init), [5, 2], on: backend), to: y)
    tape.backward()
    #expect(try #require(store.gradients).values == [7, 8, 0, 0, 0, 0, 3 + 9, 4 + 10])
  }

  @Test func `gradients of two passes add up in parameters`() throws {
    let run = OpRun(.linearBias, on: ReferenceBackend())
    let once = run.gradient()
    let tape = Tape(backend: run.backend, isRecording: true)
    let y = tape.linear(run.parameters["input0"], weight: run.parameters["input1"], bias: run.parameters["input2"])
    tape.contribute(tensor(testValues(count: y.count, seed: 29), y.shape, on: run.backend), to: y)
    tape.backward()
    expectClose(try #require(run.parameters.gradients).values, once.map { 2 * $0 }, within: 1e-6, "sum")
  }

  @Test func `a tape that does not record keeps nothing`() {
    let backend = ReferenceBackend(poisonsRecycled: false)
    let run = OpRun(.sharedContribution, on: backend)
    let before = backend.pool.statistics.usedBytes
    let tape = Tape(backend: backend, isRecording: false)
    for _ in 0..<3 {
      _ = OpCase.sharedContribution.run(run.parameters.specs.map { run.parameters[$0.name] }, tape: tape)
    }
    #expect(backend.pool.statistics.usedBytes == before)
    tape.backward()
    #expect(run.parameters.gradients?.values.allSatisfy { $0 == 0 } == true)
  }

  @Test func `a tape that has run backwards keeps nothing`() {
    let backend = ReferenceBackend(poisonsRecycled: false)
    let run = OpRun(.sharedContribution, on: backend)
    let before = backend.pool.statistics.usedBytes
    _ = run.gradient()
    #expect(backend.pool.statistics.usedBytes == before)
  }
}

import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

struct NormTests {
  /// Rows and width.
  static let sizes = [(0, 8), (1, 1), (3, 15), (5, 64), (7, 83), (70, 600)]

  @Test(arguments: Configuration.all)
  func `rows are normed`(in configuration: Configuration) {
    for (rows, width) in Self.sizes {
      expectReferenceResults(configuration, within: 1e-6, "\(rows) × \(width)") { backend in
        let x = backend.random([rows, width], seed: 1)
        let weight = backend.random([width], seed: 2)
        let (output, inverse) = (backend.random([rows, width], seed: 3), backend.random([rows], seed: 4))
        backend.rmsNorm(x, plus: nil, weight: weight, epsilon: 1e-5, sum: nil, output: output, inverse: inverse)
        return [output, inverse]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `a delta is added before the norm`(in configuration: Configuration) {
    for (rows, width) in Self.sizes {
      expectReferenceResults(configuration, within: 1e-6, "\(rows) × \(width)") { backend in
        let (x, delta) = (backend.random([rows, width], seed: 1), backend.random([rows, width], seed: 5))
        let sum = backend.random([rows, width], seed: 6)
        let weight = backend.random([width], seed: 2)
        let (output, inverse) = (backend.random([rows, width], seed: 3), backend.random([rows], seed: 4))
        backend.rmsNorm(x, plus: delta, weight: weight, epsilon: 1e-5, sum: sum, output: output, inverse: inverse)
        return [sum, output, inverse]
      }
    }
  }

  @Test(arguments: Configuration.all, [false, true])
  func `gradients flow through the norm`(in configuration: Configuration, alsoFromTheSum hasSumGradient: Bool) {
    for (rows, width) in Self.sizes {
      expectReferenceResults(configuration, within: 2e-6, "\(rows) × \(width)") { backend in
        let inputs = BackwardInputs(rows: rows, width: width, on: backend)
        let inputGradient = backend.random([rows, width], seed: 11)
        inputs.run(sumGradient: hasSumGradient ? inputs.sumGradient : nil, inputGradient: inputGradient)
        return [inputGradient, inputs.weightGradient]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `the input gradient may take the place of the sum gradient`(in configuration: Configuration) {
    let inputs = BackwardInputs(rows: 131, width: 83, on: configuration.backend())
    let separate = inputs.backend.random([131, 83], seed: 11)
    inputs.run(sumGradient: inputs.sumGradient, inputGradient: separate, wantsWeightGradient: false)
    inputs.run(sumGradient: inputs.sumGradient, inputGradient: inputs.sumGradient, wantsWeightGradient: false)
    #expect(bits([separate]) == bits([inputs.sumGradient]))
  }

  @Test(arguments: InstructionLevel.available)
  func `weight gradients have the same bits for any number of threads`(at level: InstructionLevel) {
    let results = [1, 2, 3, 4].map { threadCount -> [[UInt32]] in
      let inputs = BackwardInputs(rows: 1001, width: 100, on: CPUBackend(threadCount: threadCount, level: level))
      inputs.run(sumGradient: nil, inputGradient: inputs.sumGradient)
      return bits([inputs.sumGradient, inputs.weightGradient])
    }
    #expect(Set(results).count == 1)
  }

  @Test(arguments: Configuration.all)
  func `a row of zeros has finite results`(in configuration: Configuration) {
    expectReferenceResults(configuration, within: 1e-6) { backend in
      let x = tensor([Float](repeating: 0, count: 20), [2, 10], on: backend)
      let weight = backend.random([10], seed: 2)
      let (output, inverse) = (backend.random([2, 10], seed: 3), backend.random([2], seed: 4))
      backend.rmsNorm(x, plus: nil, weight: weight, epsilon: 1e-6, sum: nil, output: output, inverse: inverse)
      return [output, inverse]
    }
  }
}

/// What the backward pass of a norm reads, and the weight gradient that it adds to.
private struct BackwardInputs {
  let backend: any Backend
  let x: Tensor
  let weight: Tensor
  let inverse: Tensor
  let outputGradient: Tensor
  let sumGradient: Tensor
  let weightGradient: Tensor

  init(rows: Int, width: Int, on backend: any Backend) {
    self.backend = backend
    x = backend.random([rows, width], seed: 1)
    weight = backend.random([width], seed: 2)
    inverse = tensor(testValues(count: rows, seed: 7).map { 1.5 + $0 / 2 }, [rows], on: backend)
    outputGradient = backend.random([rows, width], seed: 8)
    sumGradient = backend.random([rows, width], seed: 9)
    weightGradient = backend.random([width], seed: 10)
  }

  func run(sumGradient: Tensor?, inputGradient: Tensor, wantsWeightGradient: Bool = true) {
    backend.rmsNormBackward(
      x, weight: weight, inverse: inverse, outputGradient: outputGradient, sumGradient: sumGradient,
      inputGradient: inputGradient, weightGradient: wantsWeightGradient ? weightGradient : nil)
  }
}

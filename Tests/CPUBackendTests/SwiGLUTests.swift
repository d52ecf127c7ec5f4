import CPUBackend
import Foundation
import ReferenceBackend
import TensorCore
import Testing

struct SwiGLUTests {
  /// Rows and width of the output.
  static let sizes = [(0, 4), (1, 1), (3, 15), (4, 16), (9, 83), (40, 1030)]

  @Test(arguments: Configuration.all, [Float(1), 20])
  func `gates let their share through`(in configuration: Configuration, ofInputsUpTo scale: Float) {
    for (rows, width) in Self.sizes {
      expectReferenceResults(configuration, within: 5e-7, "\(rows) × \(width)") { backend in
        let output = backend.random([rows, width], seed: 1)
        backend.swiGLU(backend.random([rows, 2 * width], seed: 2, scale: scale), output: output)
        return [output]
      }
    }
  }

  @Test(arguments: Configuration.all, [Float(1), 20])
  func `gradients flow to gates and inputs`(in configuration: Configuration, ofInputsUpTo scale: Float) {
    for (rows, width) in Self.sizes {
      expectReferenceResults(configuration, within: 1e-6, "\(rows) × \(width)") { backend in
        let gradient = backend.random([rows, 2 * width], seed: 3)
        backend.swiGLUBackward(
          backend.random([rows, 2 * width], seed: 4, scale: scale),
          outputGradient: backend.random([rows, width], seed: 5), gateUpGradient: gradient)
        return [gradient]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `the gradient may take the place of the inputs`(in configuration: Configuration) {
    let backend = configuration.backend()
    for (rows, width) in Self.sizes {
      let gateUp = backend.random([rows, 2 * width], seed: 6, scale: 4)
      let outputGradient = backend.random([rows, width], seed: 7)
      let separate = backend.random([rows, 2 * width], seed: 8)
      backend.swiGLUBackward(gateUp, outputGradient: outputGradient, gateUpGradient: separate)
      backend.swiGLUBackward(gateUp, outputGradient: outputGradient, gateUpGradient: gateUp)
      #expect(bits([separate]) == bits([gateUp]), "\(rows) × \(width)")
    }
  }

  @Test(arguments: Configuration.all)
  func `the output is made again to the bit, in the place of its gradient`(in configuration: Configuration) {
    let backend = configuration.backend()
    for (rows, width) in Self.sizes {
      let gateUp = backend.random([rows, 2 * width], seed: 6, scale: 4)
      let (output, again) = (backend.random([rows, width], seed: 7), backend.random([rows, width], seed: 8))
      let gradients = (0..<2).map { backend.random([rows, 2 * width], seed: 9 + $0) }
      backend.swiGLU(gateUp, output: output)
      backend.swiGLUBackward(gateUp, outputGradient: again, gateUpGradient: gradients[0])
      backend.swiGLUBackward(gateUp, outputGradient: again, gateUpGradient: gradients[1], output: again)
      #expect(bits([again]) == bits([output]), "\(rows) × \(width)")
      #expect(bits([gradients[0]]) == bits([gradients[1]]), "\(rows) × \(width)")
    }
  }

  @Test(arguments: Configuration.all)
  func `extreme gates give zero or the input`(in configuration: Configuration) {
    let backend = configuration.backend()
    let gates: [Float] = [-1e30, -1000, -90, 0, 90, 1000, 1e30]
    let output = backend.random([1, 7], seed: 9)
    backend.swiGLU(tensor(gates + gates.map { _ in 2 }, [1, 14], on: backend), output: output)
    let expected = gates.map { Float(2 * Double($0) / (1 + exp(-Double($0)))) }
    for (actual, expected) in zip(floats(output), expected) {
      #expect(abs(actual - expected) <= 1e-6 * abs(expected) + 1e-35, "\(actual) for \(expected)")
    }
  }

  @Test(arguments: Configuration.all)
  func `what is not a number stays so`(in configuration: Configuration) {
    let backend = configuration.backend()
    let output = backend.random([1, 20], seed: 10)
    var inputs = testValues(count: 40, seed: 11)
    (inputs[3], inputs[19]) = (.nan, .nan)
    backend.swiGLU(tensor(inputs, [1, 40], on: backend), output: output)
    #expect(floats(output).indices.filter { floats(output)[$0].isNaN } == [3, 19])
  }
}

internal import Foundation
package import TensorCore

extension ReferenceBackend {
  package func swiGLU(_ gateUp: Tensor, output: Tensor) {
    let width = output.rowWidth
    for row in 0..<output.rowCount {
      for i in 0..<width {
        let gate = gateUp[row, i]
        output[row, i] = gate * sigmoid(gate) * gateUp[row, width + i]
      }
    }
  }

  package func swiGLUBackward(_ gateUp: Tensor, outputGradient: Tensor, gateUpGradient: Tensor, output: Tensor?) {
    let width = outputGradient.rowWidth
    for row in 0..<outputGradient.rowCount {
      for i in 0..<width {
        let gate = gateUp[row, i]
        let up = gateUp[row, width + i]
        let gradient = outputGradient[row, i]
        let s = sigmoid(gate)
        output?[row, i] = gate * s * up
        gateUpGradient[row, i] = gradient * up * s * (1 + gate * (1 - s))
        gateUpGradient[row, width + i] = gradient * gate * s
      }
    }
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}

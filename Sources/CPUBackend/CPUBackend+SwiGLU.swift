internal import CKernels
package import TensorCore

extension CPUBackend {
  package func swiGLU(_ gateUp: Tensor, output: Tensor) {
    let width = output.rowWidth
    forEachRowBlock(of: output.rowCount, width: width) { rows in
      let start = rows.lowerBound * width
      ck_swiglu(level, gateUp.address + 2 * start, output.address + start, rows.count, width)
    }
  }

  package func swiGLUBackward(_ gateUp: Tensor, outputGradient: Tensor, gateUpGradient: Tensor, output: Tensor?) {
    let width = outputGradient.rowWidth
    forEachRowBlock(of: outputGradient.rowCount, width: width) { rows in
      let start = rows.lowerBound * width
      ck_swiglu_backward(
        level, gateUp.address + 2 * start, outputGradient.address + start, gateUpGradient.address + 2 * start,
        output.map { $0.address + start }, rows.count, width)
    }
  }
}

internal import CKernels
package import TensorCore

extension CPUBackend {
  package func swiGLU(_ gateUp: Tensor, output: Tensor) {
    precondition(gateUp.dtype == output.dtype, "swiGLU: \(gateUp.dtype) into \(output.dtype)")
    let width = output.rowWidth
    forEachRowBlock(of: output.rowCount, width: width) { rows in
      let start = rows.lowerBound * width
      kernels.swiglu(
        output.dtype.kernelType, gateUp.rawAddress(of: 2 * start), output.rawAddress(of: start), rows.count,
        width)
    }
  }

  package func swiGLUBackward(_ gateUp: Tensor, outputGradient: Tensor, gateUpGradient: Tensor, output: Tensor?) {
    let type = gateUp.dtype
    precondition(
      [outputGradient, gateUpGradient, output ?? gateUp].allSatisfy { $0.dtype == type }, "swiGLU: types differ")
    let width = outputGradient.rowWidth
    forEachRowBlock(of: outputGradient.rowCount, width: width) { rows in
      let start = rows.lowerBound * width
      kernels.swiglu_backward(
        type.kernelType, gateUp.rawAddress(of: 2 * start), outputGradient.rawAddress(of: start),
        gateUpGradient.rawAddress(of: 2 * start), output.map { $0.rawAddress(of: start) }, rows.count, width)
    }
  }
}

internal import CKernels
package import TensorCore

extension CPUBackend {
  package func rmsNorm(
    _ x: Tensor, plus delta: Tensor?, weight: Tensor, epsilon: Float, sum: Tensor?, output: Tensor, inverse: Tensor
  ) {
    precondition((delta == nil) == (sum == nil), "norm: one of delta and sum alone")
    let width = weight.count
    forEachRowBlock(of: inverse.count, width: width) { rows in
      let start = rows.lowerBound * width
      kernels.rms_norm(
        x.address + start, delta.map { $0.address + start }, weight.address, epsilon,
        sum.map { $0.address + start }, output.dtype.kernelType, output.rawAddress(of: start),
        inverse.address + rows.lowerBound, rows.count, width)
    }
  }

  package func rmsNormBackward(
    _ x: Tensor, weight: Tensor, inverse: Tensor, outputGradient: Tensor, sumGradient: Tensor?, inputGradient: Tensor,
    weightGradient: Tensor?
  ) {
    let width = weight.count
    func backward(_ rows: Range<Int>, _ weightGradient: UnsafeMutablePointer<Float>?) {
      let start = rows.lowerBound * width
      kernels.rms_norm_backward(
        x.address + start, weight.address, inverse.address + rows.lowerBound, outputGradient.dtype.kernelType,
        outputGradient.rawAddress(of: start),
        sumGradient.map { $0.address + start }, inputGradient.address + start, weightGradient, rows.count, width)
    }
    if let weightGradient {
      addRowBlockSums(rowCount: inverse.count, width: width, to: weightGradient.address) { backward($0, $1) }
    } else {
      forEachRowBlock(of: inverse.count, width: width) { backward($0, nil) }
    }
  }
}

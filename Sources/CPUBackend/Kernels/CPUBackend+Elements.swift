internal import CKernels
package import TensorCore

extension CPUBackend {
  package func fill(_ x: Tensor, with value: Float) {
    if x.dtype == .float64 {
      return workers.run(taskCount: 1) { _ in unsafe x.doubleAddress.update(repeating: Double(value), count: x.count) }
    }
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      unsafe kernels.fill(x.address + range.lowerBound, value, range.count)
    }
  }

  package func add(_ x: Tensor, to y: Tensor) {
    precondition(x.count == y.count, "add: \(x.shape) to \(y.shape)")
    if y.dtype == .float64 {
      return workers.run(taskCount: 1) { _ in
        for i in 0..<y.count { unsafe y.doubleAddress[i] += x.doubleAddress[i] }
      }
    }
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      unsafe kernels.add(x.address + range.lowerBound, y.address + range.lowerBound, range.count)
    }
  }

  package func scale(_ x: Tensor, by factor: Float) {
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      unsafe kernels.scale(x.address + range.lowerBound, factor, range.count)
    }
  }

  package func addBias(_ bias: Tensor, to y: Matrix) {
    precondition(bias.count == y.columnCount, "bias: \(bias.shape) to \(y.columnCount) columns")
    forEachRowBlock(of: y.rowCount, width: y.columnCount) { rows in
      for row in rows { unsafe kernels.add(bias.address, y.address + row * y.stride, y.columnCount) }
    }
  }

  package func accumulateColumnSums(of x: Matrix, into sums: Tensor) {
    precondition(sums.count == x.columnCount, "column sums: \(x.columnCount) columns into \(sums.shape)")
    unsafe addRowBlockSums(rowCount: x.rowCount, width: x.columnCount, to: sums.address) { rows, partial in
      unsafe kernels.add_rows(x.address + rows.lowerBound * x.stride, rows.count, x.columnCount, x.stride, partial)
    }
  }

  package func accumulateSum(of x: Tensor, into total: Tensor) {
    unsafe total.doubleAddress[0] += sumOfBlocks(of: x.count) { range in
      unsafe kernels.sum(x.address + range.lowerBound, range.count)
    }
  }

  package func accumulateSumOfSquares(of x: Tensor, into total: Tensor) {
    unsafe total.doubleAddress[0] += sumOfBlocks(of: x.count) { range in
      unsafe kernels.sum_of_squares(x.address + range.lowerBound, range.count)
    }
  }
}

extension CPUBackend {
  package func swiGLU(_ gateUp: Tensor, output: Tensor) {
    precondition(gateUp.dtype == output.dtype, "swiGLU: \(gateUp.dtype) into \(output.dtype)")
    let width = output.rowWidth
    forEachRowBlock(of: output.rowCount, width: width) { rows in
      let start = rows.lowerBound * width
      unsafe kernels.swiglu(
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
      unsafe kernels.swiglu_backward(
        type.kernelType, gateUp.rawAddress(of: 2 * start), outputGradient.rawAddress(of: start),
        gateUpGradient.rawAddress(of: 2 * start), output.map { unsafe $0.rawAddress(of: start) }, rows.count, width)
    }
  }
}

// What all threads can do to memory and nothing else: what benchmarks hold kernels against.
extension CPUBackend {
  /// `y = x`, elements that are equally many.
  package func copy(_ x: Tensor, to y: Tensor) {
    precondition(x.count == y.count, "copy: \(x.shape) to \(y.shape)")
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      unsafe (y.address + range.lowerBound).update(from: x.address + range.lowerBound, count: range.count)
    }
  }

  /// `z = x + factor · y`, elements that are equally many.
  package func triad(_ x: Tensor, plus factor: Float, times y: Tensor, into z: Tensor) {
    precondition(x.count == y.count && y.count == z.count, "triad: \(x.shape), \(y.shape) into \(z.shape)")
    forEachBlock(of: x.count, by: Self.blockElements) { _, range in
      let (from, other, to) = unsafe (x.address, y.address, z.address)
      for i in range { unsafe to[i] = unsafe from[i] + factor * other[i] }
    }
  }
}

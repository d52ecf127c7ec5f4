internal import CKernels
package import TensorCore

extension CPUBackend {
  package func crossEntropy(_ logits: Tensor, targets: Tensor, losses: Tensor, gradientScale: Float?) {
    let width = logits.rowWidth
    precondition(
      targets.count == logits.rowCount && losses.count == targets.count,
      "cross-entropy: logits \(logits.shape), \(targets.count) targets, losses \(losses.shape)")
    let ids = unsafe targets.indexAddress
    forEachRowBlock(of: targets.count, width: width) { rows in
      for row in rows {
        unsafe precondition(ids[row] < width, unsafe "cross-entropy: target \(ids[row]) of \(width)")
        unsafe losses.address[row] = unsafe crossEntropy(
          logits.address + row * width, width: width, target: Int(ids[row]), gradientScale: gradientScale)
      }
    }
  }

  /// One row; a negative target has neither loss nor gradient.
  private func crossEntropy(
    _ logits: UnsafeMutablePointer<Float>, width: Int, target: Int, gradientScale: Float?
  ) -> Float {
    guard target >= 0 else {
      if gradientScale != nil { unsafe logits.update(repeating: 0, count: width) }
      return 0
    }
    guard let gradientScale else { return unsafe kernels.cross_entropy(logits, width, target) }
    return unsafe kernels.cross_entropy_gradient(logits, width, target, gradientScale)
  }

  package func accumulateMatches(of x: Tensor, with y: Tensor, into total: Tensor) {
    precondition(x.count == y.count, "matches: \(x.shape) with \(y.shape)")
    let (first, second) = unsafe (x.indexAddress, y.indexAddress)
    workers.run(taskCount: 1) { _ in
      unsafe total.doubleAddress[0] += Double((0..<x.count).count { unsafe first[$0] == second[$0] })
    }
  }

  package func argmax(of x: Tensor, into columns: Tensor) {
    let width = x.rowWidth
    precondition(columns.count == x.rowCount, "argmax: \(x.shape) into \(columns.shape)")
    let found = unsafe columns.mutableIndexAddress
    forEachRowBlock(of: x.rowCount, width: width) { rows in
      for row in rows {
        let values = unsafe x.address + row * width
        // In double precision a sum of finite singles is finite.
        let isFinite = unsafe kernels.sum(values, width).isFinite
        unsafe found[row] = unsafe isFinite ? Int32(kernels.argmax(values, width)) : -1
      }
    }
  }
}

internal import Foundation
package import TensorCore

extension ReferenceBackend {
  package func crossEntropy(_ logits: Tensor, targets: Tensor, losses: Tensor, gradientScale: Float?) {
    precondition(targets.count == logits.rowCount, "loss: \(targets.count) targets, \(logits.rowCount) rows")
    for (row, target) in targets.indexElements.enumerated() {
      let scores = logits[row: row]
      let largest = scores.reduce(-.infinity, max)
      let logSumExp = largest + log(scores.reduce(0) { $0 + exp($1 - largest) })
      losses[row] = logSumExp - scores[target]
      for (column, score) in scores.enumerated() {
        let hot = column == target ? 1.0 : 0.0
        // Without a gradient nobody may read the logits again: poison them.
        logits[row, column] = gradientScale.map { (exp(score - logSumExp) - hot) * Double($0) } ?? .nan
      }
    }
  }

  package func argmax(of x: Tensor, into columns: Tensor) {
    columns.assign(
      indices: (0..<x.rowCount).map { row in
        guard x[row: row].allSatisfy(\.isFinite) else { return -1 }
        var largest = 0
        for column in 0..<x.rowWidth where x[row, column] > x[row, largest] { largest = column }
        return Int32(largest)
      })
  }

  package func accumulateMatches(of x: Tensor, with y: Tensor, into total: Tensor) {
    total[0] += Double(zip(x.indexElements, y.indexElements).count { $0 == $1 })
  }
}

import Foundation

/// A model as its definition reads: slow, and with a mask over all pairs of rows.
protocol LiteralModel {
  var network: LiteralNetwork { get set }

  /// Logits `[T, V]` of one sample.
  func logits(_ ids: [Int32], chunkSize: Int) -> [[Double]]
}

extension LiteralModel {
  /// Mean cross-entropy of the targets that are not negative, over all samples.
  func loss(_ ids: [[Int32]], targets: [[Int32]], chunkSize: Int) -> Double {
    var (sum, count) = (0.0, 0)
    for (sample, wanted) in zip(ids, targets) {
      for (scores, target) in zip(logits(sample, chunkSize: chunkSize), wanted) where target >= 0 {
        let largest = scores.reduce(-.infinity, max)
        sum += largest + log(scores.reduce(0) { $0 + exp($1 - largest) }) - scores[Int(target)]
        count += 1
      }
    }
    return sum / Double(count)
  }

  /// The derivative of `loss` with respect to one weight, by a central difference.
  mutating func derivative(of name: String, row: Int, column: Int, _ loss: (Self) -> Double) -> Double {
    let step = 1e-4
    guard let weight = network.weights[name]?[row][column] else { return .nan }
    defer { network.weights[name]?[row][column] = weight }
    network.weights[name]?[row][column] = weight + step
    let above = loss(self)
    network.weights[name]?[row][column] = weight - step
    return (above - loss(self)) / (2 * step)
  }
}

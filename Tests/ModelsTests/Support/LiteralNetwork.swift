import Foundation
import TensorCore

/// Transformer blocks as their definition reads, one row after the other in double precision, with a mask over all
/// pairs of rows.
struct LiteralNetwork {
  /// One stack of blocks: its names and sizes.
  struct Stack {
    let prefix: String
    let attention: String
    var attentionNorm = "attn_norm"
    var mlpNorm = "mlp_norm"
    let layerCount: Int
    let heads: Heads
    let finalNorm: String
  }

  struct Heads {
    let count: Int
    let keyValueCount: Int
    let hasNorm: Bool
    /// Channels of a head that are turned; nil for all.
    var rotaryWidth: Int?
  }

  /// Weights as rows; a vector is one row.
  var weights: [String: [[Double]]]
  let epsilon: Double
  let rotaryBase: Double

  init(_ parameters: ParameterStore, epsilon: Double, rotaryBase: Double) {
    self.epsilon = epsilon
    self.rotaryBase = rotaryBase
    weights = Dictionary(
      uniqueKeysWithValues: parameters.specs.map { spec in
        let values = parameters[spec.name].values.map(Double.init)
        let width = spec.shape.last ?? 1
        return (spec.name, stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) })
      })
  }

  func run(
    _ stack: Stack, _ input: [[Double]], positions: [Int], sees: (_ query: Int, _ key: Int) -> Bool
  ) -> [[Double]] {
    var x = input
    for layer in 0..<stack.layerCount {
      let prefix = "\(stack.prefix).\(layer)"
      let attended = attention(
        stack.heads, prefix + stack.attention, normed(x, "\(prefix).\(stack.attentionNorm)"), positions, sees)
      x = zip(x, attended).map(sum)
      x = zip(x, mlp(prefix + ".mlp", normed(x, "\(prefix).\(stack.mlpNorm)"))).map(sum)
    }
    return normed(x, stack.finalNorm)
  }

  /// Attention of the normed rows `x`, its output projection included.
  func attention(
    _ heads: Heads, _ prefix: String, _ x: [[Double]], _ positions: [Int],
    _ sees: (_ query: Int, _ key: Int) -> Bool
  ) -> [[Double]] {
    func split(_ name: String, norm: String?) -> [[[Double]]] {
      let weight = table("\(prefix).\(name)_proj")
      let width = weight.count / (name == "q" ? heads.count : heads.keyValueCount)
      let bias = weights["\(prefix).\(name)_proj.bias"]?[0]
      return x.indices.map { row in
        let flat = bias.map { sum(product(weight, x[row]), $0) } ?? product(weight, x[row])
        let split = stride(from: 0, to: flat.count, by: width).map { Array(flat[$0..<$0 + width]) }
        if name == "v" { return split }
        return (norm.map { normed(split, $0, epsilon: 1e-5) } ?? split).map {
          rotated($0, position: positions[row], width: heads.rotaryWidth ?? width)
        }
      }
    }
    let queries = split("q", norm: heads.hasNorm ? prefix + ".q_norm" : nil)
    let keys = split("k", norm: heads.hasNorm ? prefix + ".k_norm" : nil)
    let values = split("v", norm: nil)
    let output = table(prefix + ".o_proj")
    return x.indices.map { q in
      let seen = x.indices.filter { sees(q, $0) }
      let mixed = (0..<heads.count).flatMap { head -> [Double] in
        let shared = head / (heads.count / heads.keyValueCount)
        let width = queries[q][head].count
        let scores = seen.map { dot(queries[q][head], keys[$0][shared]) / Double(width).squareRoot() }
        let largest = scores.reduce(-.infinity, max)
        let exponentials = scores.map { exp($0 - largest) }
        let total = exponentials.reduce(0, +)
        return (0..<width).map { channel in dot(exponentials, seen.map { values[$0][shared][channel] }) / total }
      }
      return product(output, mixed)
    }
  }

  func mlp(_ prefix: String, _ x: [[Double]]) -> [[Double]] {
    let (gate, up, down) = (table(prefix + ".gate_proj"), table(prefix + ".up_proj"), table(prefix + ".down_proj"))
    return x.map { row in
      product(down, zip(product(gate, row), product(up, row)).map { $0 / (1 + exp(-$0)) * $1 })
    }
  }

  func normed(_ x: [[Double]], _ name: String, epsilon: Double? = nil) -> [[Double]] {
    let weight = table(name)[0]
    return x.map { row in
      let root = (dot(row, row) / Double(row.count) + (epsilon ?? self.epsilon)).squareRoot()
      return zip(weight, row).map { $0 * $1 / root }
    }
  }

  /// The first `width` channels turned, half against half.
  private func rotated(_ x: [Double], position: Int, width: Int) -> [Double] {
    let half = width / 2
    var y = x
    for i in 0..<half {
      let angle = Double(position) * pow(rotaryBase, -2 * Double(i) / Double(width))
      y[i] = x[i] * cos(angle) - x[i + half] * sin(angle)
      y[i + half] = x[i + half] * cos(angle) + x[i] * sin(angle)
    }
    return y
  }

  /// A stored projection with its input axis interpolated to `width` columns.
  func resampled(_ projection: [[Double]], width: Int) -> [[Double]] {
    projection.map { row in
      let scale = Double(row.count) / Double(width)
      return (0..<width).map { i in
        let u = max(0, (Double(i) + 0.5) * scale - 0.5)
        let low = Int(u.rounded(.down))
        let share = u - Double(low)
        return (1 - share) * row[low] + share * row[min(low + 1, row.count - 1)]
      }
    }
  }

  func table(_ name: String) -> [[Double]] { weights[name + ".weight"] ?? [] }

  func product(_ matrix: [[Double]], _ x: [Double]) -> [Double] { matrix.map { dot($0, x) } }

  func sum(_ x: [Double], _ y: [Double]) -> [Double] { zip(x, y).map { $0 + $1 } }

  private func dot(_ x: [Double], _ y: [Double]) -> Double {
    let count = x.count
    precondition(count == y.count, "dot: \(count) against \(y.count)")
    return x.withUnsafeBufferPointer { x in
      y.withUnsafeBufferPointer { y in
        guard let x = x.baseAddress, let y = y.baseAddress else { return 0 }
        // A plain loop over pointers, for these tests run without optimisation.
        var (total, i) = (0.0, 0)
        while i < count {
          total += x[i] * y[i]
          i += 1
        }
        return total
      }
    }
  }
}

import Foundation
import Models
import TensorCore

/// CAT as its definition reads, one row after the other in double precision: interleaved blocks, a mask over all pairs
/// of rows, padding to whole chunks. Nothing is left out because nobody reads it.
struct LiteralCAT {
  /// One network's names and sizes.
  private struct Stack {
    let prefix: String
    let attention: String
    let layerCount: Int
    let headCount: Int
    let keyValueHeadCount: Int
    let hasHeadNorm: Bool
    let finalNorm: String
  }

  let config: CATConfig
  /// Weights as rows; a vector is one row.
  var weights: [String: [[Double]]]

  init(_ config: CATConfig, parameters: ParameterStore) {
    self.config = config
    weights = Dictionary(
      uniqueKeysWithValues: parameters.specs.map { spec in
        let values = parameters[spec.name].values.map(Double.init)
        let width = spec.shape.last ?? 1
        return (spec.name, stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) })
      })
  }

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

  /// Logits `[T, V]` of one sample.
  func logits(_ ids: [Int32], chunkSize: Int) -> [[Double]] {
    var padded = ids
    while padded.count % chunkSize != 0 { padded.append(Int32(config.paddingID ?? 0)) }
    let chunkCount = padded.count / chunkSize
    let projection = resampledProjection(width: chunkSize * config.compressorHiddenSize)
    var rows: [[Double]] = []
    var blocks: [Int] = []
    var offsets: [Int] = []
    for block in 0...chunkCount {
      let tokens = block < chunkCount ? Array(padded[block * chunkSize..<(block + 1) * chunkSize]) : []
      let first =
        block == 0
        ? table("model.adaptive_token")[chunkSize]
        : compressed(Array(padded[(block - 1) * chunkSize..<block * chunkSize]), chunk: block - 1, projection)
      rows += [first, table("model.separator")[0]] + tokens.map { table("model.embeddings")[Int($0)] }
      blocks += Array(repeating: block, count: 2 + tokens.count)
      offsets += Array(0..<2 + tokens.count)
    }
    let stack = Stack(
      prefix: "model.layers", attention: ".attn", layerCount: config.layerCount, headCount: config.headCount,
      keyValueHeadCount: config.keyValueHeadCount, hasHeadNorm: config.hasHeadNorm, finalNorm: "model.norm")
    let hidden = run(stack, rows, positions: offsets) { q, k in
      k <= q && (offsets[k] == 0 || blocks[q] == blocks[k])
    }
    let head = config.tiesEmbeddings ? table("model.embeddings") : table("lm_head")
    return ids.indices.map { t in
      let chunk = t / chunkSize
      let row =
        (t + 1) % chunkSize != 0 ? chunk * (chunkSize + 2) + 2 + t % chunkSize : (chunk + 1) * (chunkSize + 2) + 1
      return product(head, hidden[row])
    }
  }

  /// The compressor's vector of one chunk.
  private func compressed(_ ids: [Int32], chunk: Int, _ projection: [[Double]]) -> [Double] {
    let prefix = "model.compressor"
    let rows =
      [table(prefix + ".adaptive_tokens")[ids.count], table(prefix + ".pos_tokens")[chunk]]
      + ids.map { table(prefix + ".wte")[Int($0)] }
    let stack = Stack(
      prefix: prefix + ".layers", attention: "", layerCount: config.compressorLayerCount,
      headCount: config.compressorHeadCount, keyValueHeadCount: config.compressorHeadCount, hasHeadNorm: false,
      finalNorm: prefix + ".norm")
    let hidden = run(stack, rows, positions: Array(rows.indices)) { _, _ in true }
    return product(projection, hidden.dropFirst(2).flatMap { $0 })
  }

  /// The stored projection with its input axis interpolated to `width` columns.
  private func resampledProjection(width: Int) -> [[Double]] {
    table("model.compressor.proj_fx").map { row in
      let scale = Double(row.count) / Double(width)
      return (0..<width).map { i in
        let u = max(0, (Double(i) + 0.5) * scale - 0.5)
        let low = Int(u.rounded(.down))
        let share = u - Double(low)
        return (1 - share) * row[low] + share * row[min(low + 1, row.count - 1)]
      }
    }
  }

  private func run(
    _ stack: Stack, _ input: [[Double]], positions: [Int], sees: (_ query: Int, _ key: Int) -> Bool
  ) -> [[Double]] {
    var x = input
    for layer in 0..<stack.layerCount {
      let prefix = "\(stack.prefix).\(layer)"
      let attended = attention(
        stack, prefix + stack.attention, normed(x, prefix + ".attn_norm"), positions, sees)
      x = zip(x, attended).map(sum)
      x = zip(x, mlp(prefix + ".mlp", normed(x, prefix + ".mlp_norm"))).map(sum)
    }
    return normed(x, stack.finalNorm)
  }

  private func attention(
    _ stack: Stack, _ prefix: String, _ x: [[Double]], _ positions: [Int],
    _ sees: (_ query: Int, _ key: Int) -> Bool
  ) -> [[Double]] {
    let width = x[0].count / stack.headCount
    func heads(_ name: String, norm: String?) -> [[[Double]]] {
      let weight = table("\(prefix).\(name)_proj")
      let bias = weights["\(prefix).\(name)_proj.bias"]?[0]
      return x.indices.map { row in
        let flat = bias.map { sum(product(weight, x[row]), $0) } ?? product(weight, x[row])
        let heads = stride(from: 0, to: flat.count, by: width).map { Array(flat[$0..<$0 + width]) }
        if name == "v" { return heads }
        return (norm.map { normed(heads, $0, epsilon: 1e-5) } ?? heads).map { rotated($0, position: positions[row]) }
      }
    }
    let queries = heads("q", norm: stack.hasHeadNorm ? prefix + ".q_norm" : nil)
    let keys = heads("k", norm: stack.hasHeadNorm ? prefix + ".k_norm" : nil)
    let values = heads("v", norm: nil)
    let output = table(prefix + ".o_proj")
    return x.indices.map { q in
      let seen = x.indices.filter { sees(q, $0) }
      let mixed = (0..<stack.headCount).flatMap { head -> [Double] in
        let shared = head / (stack.headCount / stack.keyValueHeadCount)
        let scores = seen.map { dot(queries[q][head], keys[$0][shared]) / Double(width).squareRoot() }
        let largest = scores.reduce(-.infinity, max)
        let exponentials = scores.map { exp($0 - largest) }
        let total = exponentials.reduce(0, +)
        return (0..<width).map { channel in dot(exponentials, seen.map { values[$0][shared][channel] }) / total }
      }
      return product(output, mixed)
    }
  }

  private func mlp(_ prefix: String, _ x: [[Double]]) -> [[Double]] {
    let (gate, up, down) = (table(prefix + ".gate_proj"), table(prefix + ".up_proj"), table(prefix + ".down_proj"))
    return x.map { row in
      product(down, zip(product(gate, row), product(up, row)).map { $0 / (1 + exp(-$0)) * $1 })
    }
  }

  private func normed(_ x: [[Double]], _ name: String, epsilon: Double? = nil) -> [[Double]] {
    let weight = table(name)[0]
    return x.map { row in
      let root = (dot(row, row) / Double(row.count) + (epsilon ?? config.normEpsilon)).squareRoot()
      return zip(weight, row).map { $0 * $1 / root }
    }
  }

  private func rotated(_ x: [Double], position: Int) -> [Double] {
    let half = x.count / 2
    var y = x
    for i in 0..<half {
      let angle = Double(position) * pow(config.rotaryBase, -2 * Double(i) / Double(x.count))
      y[i] = x[i] * cos(angle) - x[i + half] * sin(angle)
      y[i + half] = x[i + half] * cos(angle) + x[i] * sin(angle)
    }
    return y
  }

  private func table(_ name: String) -> [[Double]] { weights[name + ".weight"] ?? [] }

  private func product(_ matrix: [[Double]], _ x: [Double]) -> [Double] { matrix.map { dot($0, x) } }

  private func sum(_ x: [Double], _ y: [Double]) -> [Double] { zip(x, y).map { $0 + $1 } }

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

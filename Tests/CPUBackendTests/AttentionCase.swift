import Foundation
import ReferenceBackend
import TensorCore
import Testing

/// One attention problem, whose values are the same on every backend.
struct AttentionCase: Sendable, CustomTestStringConvertible {
  var pattern: AttentionPattern
  var sequenceCount = 2
  var headCount = 2
  var keyValueHeadCount = 2
  var headWidth = 8
  /// Nil: all channels of a head are turned.
  var rotaryWidth: Int?
  var dropsFirstQueries = false
  var hasNorms = false

  var shape: AttentionShape {
    AttentionShape(
      pattern: pattern, sequenceCount: sequenceCount, headCount: headCount, keyValueHeadCount: keyValueHeadCount,
      headWidth: headWidth, rotaryWidth: rotaryWidth, dropsFirstQueries: dropsFirstQueries)
  }

  var testDescription: String {
    "\(pattern) × \(sequenceCount), \(headCount) on \(keyValueHeadCount) heads of \(headWidth)"
      + (rotaryWidth.map { ", \($0) channels turned" } ?? "")
      + (dropsFirstQueries ? ", first queries dropped" : "") + (hasNorms ? ", head norms" : "")
  }
}

/// What an attention call reads, as plain values.
struct AttentionValues {
  var packed: [Float]
  var queryNorm: [Float]
  var keyNorm: [Float]
  var outputGradient: [Float]

  /// - Parameter poison: put where nothing may be read: the queries that a shape drops.
  init(_ problem: AttentionCase, poison: Float = .nan) {
    let shape = problem.shape
    packed = testValues(count: shape.rowCount * shape.packedWidth, seed: 1, scale: 2)
    queryNorm = testValues(count: shape.headWidth, seed: 2).map { $0 + 1.5 }
    keyNorm = testValues(count: shape.headWidth, seed: 3).map { $0 + 1.5 }
    outputGradient = testValues(count: shape.queryRows.count * shape.queryWidth, seed: 4)
    for row in 0..<shape.queryRows.lowerBound {
      for column in 0..<shape.queryWidth { packed[row * shape.packedWidth + column] = poison }
    }
  }
}

/// What an attention call and its backward pass give, as plain values.
struct AttentionResults: Equatable {
  /// What gradients of norms hold before a call adds to them.
  static let normStart: Float = 0.25
  /// What the gradient of `packed` holds before a call.
  static let untouched: Float = -7

  let output: [Float]
  let logSumExp: [Float]
  let packedGradient: [Float]
  let queryNormGradient: [Float]
  let keyNormGradient: [Float]

  init(of problem: AttentionCase, _ values: AttentionValues, on backend: any Backend) {
    func filled(_ shape: [Int], _ value: Float) -> Tensor {
      tensor([Float](repeating: value, count: shape.reduce(1, *)), shape, on: backend)
    }
    let shape = problem.shape
    let packed = tensor(values.packed, [shape.rowCount, shape.packedWidth], on: backend)
    let tables = problem.tables(values, on: backend)
    let output = filled([shape.queryRows.count, shape.queryWidth], .nan)
    let logSumExp = filled([shape.queryRows.count, shape.headCount], .nan)
    backend.attention(packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp)

    let outputGradient = tensor(values.outputGradient, output.shape, on: backend)
    let packedGradient = filled(packed.shape, Self.untouched)
    let queryNormGradient = filled([shape.headWidth], Self.normStart)
    let keyNormGradient = filled([shape.headWidth], Self.normStart)
    backend.attentionBackward(
      packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp, outputGradient: outputGradient,
      packedGradient: packedGradient, queryNormGradient: problem.hasNorms ? queryNormGradient : nil,
      keyNormGradient: problem.hasNorms ? keyNormGradient : nil)

    self.output = floats(output)
    self.logSumExp = floats(logSumExp)
    self.packedGradient = floats(packedGradient)
    self.queryNormGradient = floats(queryNormGradient)
    self.keyNormGradient = floats(keyNormGradient)
  }
}

extension AttentionCase {
  /// Angles that differ from position to position, and none at position 0.
  func tables(_ values: AttentionValues? = nil, on backend: any Backend) -> AttentionTables {
    let values = values ?? AttentionValues(self)
    let half = shape.rotaryWidth / 2
    let angles = (0..<pattern.positionCount * half).map { index -> (cosine: Float, sine: Float) in
      let angle = Double(index / half) * (0.7 + 0.9 / Double(1 + index % half))
      return (Float(cos(angle)), Float(sin(angle)))
    }
    let tableShape = [pattern.positionCount, half]
    return AttentionTables(
      cosines: tensor(angles.map(\.cosine), tableShape, on: backend),
      sines: tensor(angles.map(\.sine), tableShape, on: backend),
      queryNorm: hasNorms ? tensor(values.queryNorm, [headWidth], on: backend) : nil,
      keyNorm: hasNorms ? tensor(values.keyNorm, [headWidth], on: backend) : nil, normEpsilon: 1e-3)
  }
}

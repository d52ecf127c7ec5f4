import ReferenceBackend
import Testing

@testable import TensorCore

/// One op, or a few of them, as a function from tensors to tensors that must have the gradient that it says.
enum OpCase: String, CaseIterable, Sendable {
  case linear, linearBias, computedWeight
  case packedProjection
  case norm, normDelta, normDeltaSumOnly, normWithItself
  case gatedLinear
  case causal, window, partlyTurned, blocks, blocksDropped, staircase, staircaseDropped, staircaseRagged, chunksOfOne,
    globalsAlone
  case assemble, select
  case narrowed, narrowedUnevenly, notResampled
  case fanOut, sharedContribution

  /// Shapes of the inputs, each a parameter.
  var shapes: [[Int]] {
    switch self {
    case .linear, .computedWeight: [[5, 6], [4, 6]]
    case .linearBias: [[5, 6], [4, 6], [4]]
    case .packedProjection, .causal, .window, .partlyTurned, .blocks, .blocksDropped, .staircase, .staircaseDropped,
      .staircaseRagged, .chunksOfOne, .globalsAlone:
      [[shape.rowCount, 6], [shape.packedWidth, 6], [shape.packedWidth], [shape.headWidth], [shape.headWidth]]
    case .norm: [[5, 6], [6]]
    case .normDelta, .normDeltaSumOnly: [[5, 6], [5, 6], [6]]
    case .normWithItself: [[5, 6], [6]]
    case .gatedLinear: [[5, 8], [3, 4]]
    case .assemble: [[4, 3], [3, 3], [1, 3]]
    case .select: [[6, 3]]
    case .narrowed, .narrowedUnevenly, .notResampled: [[3, 12]]
    case .fanOut, .sharedContribution: [[5, 6], [6, 6], [6]]
    }
  }

  /// The attention call of the cases that have one.
  private var shape: AttentionShape {
    let (pattern, drops): (AttentionPattern, Bool) =
      switch self {
      case .blocks: (.blocks(leading: 2, length: 3), false)
      case .blocksDropped: (.blocks(leading: 2, length: 3), true)
      case .staircase: (.staircase(globals: 3, locals: 7, chunk: 3), false)
      case .staircaseDropped: (.staircase(globals: 3, locals: 7, chunk: 3), true)
      case .staircaseRagged: (.staircase(globals: 2, locals: 4, chunk: 2), false)
      case .chunksOfOne: (.staircase(globals: 4, locals: 4, chunk: 1), true)
      case .globalsAlone: (.staircase(globals: 4, locals: 6, chunk: 2), false)
      case .window: (.window(length: 6, size: 3), false)
      default: (.causal(length: 5), false)
      }
    return AttentionShape(
      pattern: pattern, sequenceCount: 2, headCount: 4, keyValueHeadCount: 2, headWidth: 4,
      rotaryWidth: self == .partlyTurned ? 2 : nil, dropsFirstQueries: drops)
  }

  /// The results for `inputs`.
  func run(_ inputs: [Tensor], tape: Tape) -> [Tensor] {
    // A copy, so that gradients go through a slot of the tape and from there to the parameter.
    let x = tape.select(inputs[0], rows: (0..<Int32(inputs[0].rowCount)).map { $0 })
    switch self {
    case .linear: return [tape.linear(x, weight: inputs[1])]
    case .linearBias: return [tape.linear(x, weight: inputs[1], bias: inputs[2])]
    case .computedWeight:
      return [tape.linear(x, weight: tape.resample(tape.select(inputs[1], rows: [2, 0]), width: 6))]
    case .packedProjection: return [tape.packedProjection(x, weight: inputs[1], bias: inputs[2], heads: shape.heads)]
    case .causal, .window, .partlyTurned, .blocks, .blocksDropped, .staircase, .staircaseDropped, .staircaseRagged,
      .chunksOfOne, .globalsAlone:
      return [attention(x, inputs, tape: tape)]
    case .norm: return [tape.norm(x, weight: inputs[1], epsilon: 0.1)]
    case .normDelta, .normDeltaSumOnly:
      let (sum, normed) = tape.norm(x, plus: inputs[1], weight: inputs[2], epsilon: 0.1)
      return self == .normDelta ? [sum, normed] : [sum]
    case .normWithItself:
      let (sum, normed) = tape.norm(x, plus: x, weight: inputs[1], epsilon: 0.1)
      return [sum, normed]
    case .gatedLinear: return [tape.gatedLinear(x, weight: inputs[1])]
    case .assemble:
      return [
        tape.assemble(
          count: 7,
          [
            tape.source(x, rows: [2, 2, 0], to: [6, 0, 3]), tape.source(inputs[1], rows: [1, 1], to: [1, 4]),
            tape.source(inputs[2], rows: [0, 0], to: [2, 5]),
          ])
      ]
    case .select: return [tape.select(x, rows: [5, 1, 2])]
    case .narrowed: return [tape.resample(x, width: 6)]
    case .narrowedUnevenly: return [tape.resample(inputs[0], width: 5)]
    case .notResampled: return [tape.resample(x, width: 12)]
    case .fanOut:
      let h = tape.linear(x, weight: inputs[1])
      return [
        tape.linear(h, weight: inputs[1]), tape.select(h, rows: [4, 0]), tape.linear(x, weight: inputs[1]),
      ]
    case .sharedContribution:
      let h = tape.linear(x, weight: inputs[1])
      let (sum, normed) = tape.norm(x, plus: h, weight: inputs[2], epsilon: 0.1)
      return [
        tape.linear(h, weight: inputs[1]), sum, tape.linear(normed, weight: inputs[1]), tape.select(x, rows: [3]),
      ]
    }
  }

  private func attention(_ x: Tensor, _ inputs: [Tensor], tape: Tape) -> Tensor {
    let half = shape.rotaryWidth / 2
    let count = shape.pattern.positionCount
    // Position 0 turns nothing, as the contract says.
    let angles = (0..<count * half).map { Double($0 / half) * (0.7 + 0.4 * Double($0 % half)) }
    func table(_ function: (Double) -> Double) -> Tensor {
      tensor(angles.map { Float(function($0)) }, [count, half], on: tape.backend)
    }
    let packed = tape.packedProjection(
      x, weight: inputs[1], bias: inputs[2], heads: shape.heads,
      queryRows: shape.queryRows.count == shape.rowCount ? nil : [shape.queryRows])
    let hasNorms = [.causal, .window, .partlyTurned, .staircase, .blocksDropped].contains(self)
    return tape.attention(
      packed, shape: shape,
      tables: AttentionTables(
        cosines: table(cosine), sines: table(sine), queryNorm: hasNorms ? inputs[3] : nil,
        keyNorm: hasNorms ? inputs[4] : nil, normEpsilon: 0.01))
  }
}

/// An op case with its inputs in memory.
struct OpRun {
  let parameters: ParameterStore
  let backend: any Backend
  private let opCase: OpCase

  init(_ opCase: OpCase, on backend: any Backend) {
    self.opCase = opCase
    self.backend = backend
    let specs = opCase.shapes.enumerated().map { ParameterSpec("input\($0)", $1, .constant(0)) }
    parameters = ParameterStore(specs, isTrained: true, backend: backend)
    parameters.weights.assign(testValues(count: parameters.count, seed: 17))
  }

  private var inputs: [Tensor] { parameters.specs.map { parameters[$0.name] } }

  /// All results, one after the other.
  func results() -> [Float] {
    opCase.run(inputs, tape: Tape(backend: backend, isRecording: false)).flatMap(\.values)
  }

  /// The sum of all results, each times a weight of its own.
  func total() -> Double {
    let values = results()
    return zip(values, testValues(count: values.count, seed: 29)).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }

  /// The gradient of ``total()`` as the tape finds it.
  func gradient() -> [Float] {
    guard let gradients = parameters.gradients else { return [] }
    backend.fill(gradients, with: 0)
    let tape = Tape(backend: backend, isRecording: true)
    let outputs = opCase.run(inputs, tape: tape)
    let weights = testValues(count: outputs.reduce(0) { $0 + $1.count }, seed: 29)
    var start = 0
    for output in outputs {
      tape.contribute(tensor(Array(weights[start..<start + output.count]), output.shape, on: backend), to: output)
      start += output.count
    }
    tape.backward()
    return gradients.values
  }
}

import CPUBackend
import Foundation
import JSON
import Optimizers
import TensorCore
import Testing

struct OptimizerTests {
  private static let specs = [
    ParameterSpec("norm", [5], .constant(1)), ParameterSpec("matrix", [3, 4], .constant(0)),
    ParameterSpec("row", [1, 6], .constant(0)), ParameterSpec("bias", [3], .constant(0)),
  ]

  /// The same updates in double precision, one weight at a time.
  private struct Literal {
    let config: OptimizerConfig
    var weights: [Double]
    var first: [Double]
    var second: [Double]
    let decays: [Bool]
    var step = 0

    mutating func update(_ gradients: [Double], rate: Double) {
      step += 1
      let norm = gradients.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let scale = config.clipNorm > 0 ? min(1, config.clipNorm / (norm + 1e-6)) : 1
      for i in weights.indices {
        let gradient = gradients[i] * scale
        if decays[i] { weights[i] -= rate * config.weightDecay * weights[i] }
        first[i] = config.beta1 * first[i] + (1 - config.beta1) * gradient
        second[i] = config.beta2 * second[i] + (1 - config.beta2) * gradient * gradient
        let mean = first[i] / (1 - pow(config.beta1, Double(step)))
        let square = second[i] / (1 - pow(config.beta2, Double(step)))
        weights[i] -= rate * mean / (square.squareRoot() + config.epsilon)
      }
    }
  }

  private func values(_ count: Int, _ seed: Int) -> [Float] {
    (0..<count).map { Float(sin(Double($0 * 37 + seed * 101))) }
  }

  @Test(arguments: OptimizerConfig.DecayTarget.allCases, [0, 0.5, 1e6])
  func `updates are those of the formulas`(target: OptimizerConfig.DecayTarget, clipNorm: Double) throws {
    let backend = CPUBackend(threadCount: 1)
    let store = ParameterStore(Self.specs, isTrained: true, backend: backend)
    store.weights.assign(values(store.count, 0))
    let fields: JSONValue = ["decay": .text(target.rawValue), "clip_norm": .number(clipNorm), "weight_decay": 0.3]
    let config = try OptimizerConfig(JSONReader(fields, path: "optimizer"))
    let optimizer = AdamW(config, parameters: store, backend: backend)
    let zeros = [Double](repeating: 0, count: store.count)
    var literal = Literal(
      config: config, weights: store.weights.values.map(Double.init), first: zeros, second: zeros,
      decays: Self.specs.flatMap { spec in
        [Bool](repeating: target == .all || spec.shape.count == 2, count: spec.count)
      })
    let gradients = try #require(store.gradients)
    for step in 1...6 {
      gradients.assign(values(store.count, step))
      optimizer.step(rate: 0.01)
      literal.update(gradients.values.map(Double.init), rate: 0.01)
      #expect(gradients.values == values(store.count, step), "gradients changed")
    }
    for (name, found, expected) in [
      ("weight", store.weights.values, literal.weights), ("first moment", optimizer.firstMoments.values, literal.first),
      ("second moment", optimizer.secondMoments.values, literal.second),
    ] {
      for index in expected.indices {
        #expect(
          abs(Double(found[index]) - expected[index]) <= 2e-6,
          "\(name) \(index): expected \(expected[index]), got \(found[index])")
      }
    }
    #expect(optimizer.updateCount == 6)
  }
}

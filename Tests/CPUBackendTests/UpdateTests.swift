import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

struct UpdateTests {
  static let step = AdamWStep(
    rate: 8e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.1, correction1: 0.19, correction2: 0.0975,
    gradientScale: 0.7)

  @Test(arguments: Configuration.all)
  func `weights and moments follow AdamW`(in configuration: Configuration) {
    for count in [0, 1, 15, 16, 17, 17_001] {
      expectReferenceResults(configuration, within: 5e-7, "\(count) weights") { backend in
        let state = State(count: count, on: backend)
        for _ in 0..<3 { state.update(on: backend) }
        return [state.weights, state.firstMoments, state.secondMoments]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `parts updated alone have the bits of the whole`(in configuration: Configuration) {
    let backend = configuration.backend()
    let (whole, divided) = (State(count: 20_011, on: backend), State(count: 20_011, on: backend))
    whole.update(on: backend)
    for range in [0..<7, 7..<9000, 9000..<20_011] {
      backend.adamW(
        Self.step, weights: divided.weights.rows(range), gradients: divided.gradients.rows(range),
        firstMoments: divided.firstMoments.rows(range), secondMoments: divided.secondMoments.rows(range))
    }
    #expect(
      bits([whole.weights, whole.firstMoments, whole.secondMoments])
        == bits([divided.weights, divided.firstMoments, divided.secondMoments]))
  }

  @Test(arguments: Configuration.all)
  func `without gradients weights only decay`(in configuration: Configuration) {
    let backend = configuration.backend()
    let state = State(count: 100, on: backend)
    for moments in [state.gradients, state.firstMoments, state.secondMoments] { backend.fill(moments, with: 0) }
    let before = floats(state.weights)
    state.update(on: backend)
    let kept = Float(1 - Double(Self.step.rate) * Double(Self.step.decay))
    #expect(floats(state.weights) == before.map { $0 * kept })
  }
}

/// Weights, gradients and moments of a number of parameters.
private struct State {
  let weights: Tensor
  let gradients: Tensor
  let firstMoments: Tensor
  let secondMoments: Tensor

  init(count: Int, on backend: any Backend) {
    weights = backend.random([count], seed: 1)
    gradients = backend.random([count], seed: 2)
    firstMoments = backend.random([count], seed: 3, scale: 0.1)
    secondMoments = tensor(testValues(count: count, seed: 4).map { $0 * $0 }, [count], on: backend)
  }

  func update(on backend: any Backend) {
    backend.adamW(
      UpdateTests.step, weights: weights, gradients: gradients, firstMoments: firstMoments,
      secondMoments: secondMoments)
  }
}

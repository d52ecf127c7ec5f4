import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

struct UpdateTests {
  static let step = AdamWStep(rate: 8e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.1)
  static let control = UpdateControl(gradientScale: 0.7, correction1: 0.19, correction2: 0.0975)

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
        Self.step, control: Tensor(doubles: Self.control.values, pool: backend.pool),
        weights: divided.weights.rows(range), gradients: divided.gradients.rows(range),
        firstMoments: divided.firstMoments.rows(range),
        secondMoments: divided.secondMoments.rows(range))
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

  @Test(arguments: Configuration.all)
  func `an update that is not to be made changes nothing`(in configuration: Configuration) {
    let backend = configuration.backend()
    let state = State(count: 10_001, on: backend)
    let before = bits([state.weights, state.firstMoments, state.secondMoments])
    var control = Self.control
    (control.isUpdated, control.gradientScale) = (false, .nan)
    state.update(on: backend, control)
    #expect(bits([state.weights, state.firstMoments, state.secondMoments]) == before)
  }

  /// Summed loss, sum of squares, targets, clip norm and threshold of a decision.
  static let decisions: [(Double, Double, Int, Double, Double)] = [
    (12, 9, 4, 1, .infinity), (12, 9, 4, 0, .infinity), (12, 9, 4, 100, 3), (12, 9, 4, 1, 2.99), (0, 0, 0, 1, -1),
    (.nan, 9, 4, 1, .infinity), (12, .infinity, 4, 1, 1), (-.infinity, 9, 4, 1, .infinity), (12, .nan, 4, 0, .infinity),
  ]

  @Test(arguments: Configuration.all)
  func `an update is decided as the slow kernel decides it`(in configuration: Configuration) {
    for (loss, squares, targets, clip, threshold) in Self.decisions {
      let decision = UpdateDecision(
        targetCount: targets, clipNorm: clip, lossThreshold: threshold, beta1: 0.9, beta2: 0.95)
      let both = [configuration.backend() as any Backend, ReferenceBackend()].map { backend in
        let sums = Tensor(doubles: [loss, squares], pool: backend.pool)
        let control = Tensor(doubles: [Double](repeating: 0, count: UpdateControl.count), pool: backend.pool)
        return (0..<30).map { _ in
          backend.decideUpdate(decision, sums: sums, control: control)
          return control.doubles
        }
      }
      for (found, expected) in zip(both[0], both[1]) {
        #expect(
          zip(found, expected).allSatisfy { $0 == $1 || abs($0 - $1) <= 1e-13 * abs($1) || ($0.isNaN && $1.isNaN) },
          "\(decision): expected \(expected), got \(found)")
      }
    }
  }

  @Test func `an update is made unless loss or norm is not finite or the loss stands out`() {
    let updated = Self.decisions.map { loss, squares, targets, clip, threshold in
      let backend = CPUBackend(threadCount: 1)
      let control = Tensor(doubles: [Double](repeating: 0, count: UpdateControl.count), pool: backend.pool)
      backend.decideUpdate(
        UpdateDecision(targetCount: targets, clipNorm: clip, lossThreshold: threshold, beta1: 0.9, beta2: 0.95),
        sums: Tensor(doubles: [loss, squares], pool: backend.pool), control: control)
      let decided = UpdateControl(control.doubles)
      #expect(decided.updateCount == (decided.isUpdated ? 1 : 0))
      return (decided.isUpdated, decided.isSpike)
    }
    #expect(updated.map(\.0) == [true, true, true, false, false, false, false, false, false])
    #expect(updated.map(\.1) == [false, false, false, true, true, false, false, false, false])
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

  func update(on backend: any Backend, _ control: UpdateControl = UpdateTests.control) {
    backend.adamW(
      UpdateTests.step, control: Tensor(doubles: control.values, pool: backend.pool), weights: weights,
      gradients: gradients, firstMoments: firstMoments,
      secondMoments: secondMoments)
  }
}

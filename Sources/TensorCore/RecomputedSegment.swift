/// A tensor that enters a segment of the forward pass that may be run again.
package struct SegmentInput {
  let tensor: Tensor
  let recompute: Recompute?

  /// - Parameter recompute: makes the tensor again; nil: it is kept.
  package init(_ tensor: Tensor, recompute: Recompute? = nil) {
    self.tensor = tensor
    self.recompute = recompute
  }
}

extension Tape {
  /// Runs a segment of the forward pass, of which nothing but its inputs is kept if ``recomputation`` is `mode`: the
  /// backward pass then runs it again first. The segment that ran last is not run again, for the backward pass begins with
  /// it: its tensors stay.
  ///
  /// - Parameters:
  ///   - inputs: all tensors that `body` reads, parameters and tables aside.
  ///   - body: computes the segment's results from `inputs` on the tape that it gets; the same each time it is called.
  package func recomputing(
    _ mode: Recomputation, _ inputs: [SegmentInput], _ body: @escaping (_ tape: Tape, _ inputs: [Tensor]) -> [Tensor]
  ) -> [Tensor] {
    guard isRecording, recomputation == mode else { return body(self, inputs.map(\.tensor)) }
    latestSegment?.forget()
    let segment = RecomputedSegment(inputs, of: self, body)
    let (values, writes) = segment.run(inputs.map(\.tensor), isRerun: false)
    latestSegment = segment
    let results = values.map { $0.hasSlot ? withSlot($0) : $0 }
    let places = results.map(\.place)
    record(writes: writes) { [self] onWritten in
      let gradients = places.map { takePending($0) }
      guard gradients.contains(where: { $0 != nil }) else {
        segment.forget()
        return writes.forEach(onWritten)
      }
      segment.runBackwards(from: gradients, into: self, onWritten: onWritten)
    }
    return results
  }
}

/// A segment of a forward pass on a tape of its own.
final class RecomputedSegment {
  /// What ran, and where in it gradients come in and go out.
  private struct Run {
    let tape: Tape
    let inputs: [GradientPlace]
    let results: [GradientPlace]
  }

  private let inputs: [SavedTensor]
  private let backend: any Backend
  private let types: TapeTypes
  private let indicesRecur: Bool
  private let onProgress: () -> Void
  private let body: (Tape, [Tensor]) -> [Tensor]
  private var last: Run?

  init(_ inputs: [SegmentInput], of tape: Tape, _ body: @escaping (Tape, [Tensor]) -> [Tensor]) {
    self.inputs = inputs.map { SavedTensor($0.tensor, recompute: $0.recompute) }
    backend = tape.backend
    types = tape.types
    indicesRecur = tape.indicesRecur
    onProgress = tape.onProgress
    self.body = body
  }

  deinit { forget() }

  /// Runs the segment, and keeps what its backward pass reads.
  ///
  /// - Returns: the results, with slots of the segment's own tape, and the stretches of the flat gradients that the
  ///   backward pass adds to.
  @discardableResult
  func run(_ values: [Tensor], isRerun: Bool) -> (results: [Tensor], writes: [Range<Int>]) {
    let tape = Tape(backend: backend, isRecording: true, types: types, isRerun: isRerun, onProgress: onProgress)
    tape.indicesRecur = indicesRecur
    let entering = values.map { $0.hasSlot ? tape.withSlot($0) : $0 }
    let results = body(tape, entering)
    last = Run(tape: tape, inputs: entering.map(\.place), results: results.map(\.place))
    return (results, tape.outstandingWrites)
  }

  /// Gives up what ``run(_:isRerun:)`` kept.
  func forget() {
    last?.tape.clear()
    last = nil
  }

  /// Runs the segment again unless it was just run, then backwards.
  ///
  /// - Parameters:
  ///   - gradients: of the results; nil where none has arrived.
  ///   - tape: the one that the inputs' gradients go to.
  func runBackwards(from gradients: [Tape.Pending?], into tape: Tape, onWritten: (Range<Int>) -> Void) {
    if last == nil { run(inputs.map { $0.restored(like: tape) }, isRerun: true) }
    guard let run = last else { return }
    for (gradient, place) in zip(gradients, run.results) {
      if let gradient { run.tape.contribute(gradient, to: [place]) }
    }
    run.tape.runEntries(onWritten: onWritten)
    for (place, input) in zip(run.inputs, inputs) {
      if let gradient = run.tape.takePending(place) { tape.contribute(gradient, to: [input.place]) }
    }
    forget()
  }
}

extension Tensor {
  /// Whether this is the result of an op that was recorded.
  fileprivate var hasSlot: Bool {
    if case .slot = origin { true } else { false }
  }
}

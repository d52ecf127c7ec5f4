/// Records the ops of a forward pass and runs them backwards.
///
/// Every op appends one entry: what to do when its result's gradient is known. Entries hold the tensors that they need
/// and are dropped as the backward pass goes by, so memory returns to the pool while it runs. A tape that does not
/// record keeps nothing.
package final class Tape {
  package let backend: any Backend
  package let isRecording: Bool
  package let recomputation: Recomputation
  package let types: TapeTypes
  /// Whether the lists of indices that recipes make are those of other passes, too; else they are made for this pass alone.
  package var indicesRecur = true
  /// Whether this tape runs a segment of a forward pass again, whose last results are known already.
  let isRerun: Bool
  /// Called after every op, forwards and backwards, and every block of the head: a sign of life for whoever waits.
  let onProgress: () -> Void

  /// A gradient that has reached a slot.
  struct Pending {
    var gradient: Tensor
    /// Another slot holds the same memory, so nobody may add to it in place.
    var isShared: Bool
  }

  /// Told of each op when it has run: its name, the stretches of the flat gradients that it adds to, and whether it ran
  /// backwards.
  package typealias OpObserver = (_ op: StaticString, _ writes: [Range<Int>], _ isBackward: Bool) -> Void

  /// Nil: nobody wants to know.
  package var onOp: OpObserver?

  private struct Entry {
    let op: StaticString
    /// Stretches of the flat gradients that it adds to.
    let writes: [Range<Int>]
    /// Calls its argument with each of `writes` once that is done.
    let backward: (_ onWritten: (Range<Int>) -> Void) -> Void
  }

  private var entries: [Entry] = []
  private var pending: [Pending?] = []
  /// The segment that ran last: its tensors stay for the backward pass, which begins with it.
  weak var latestSegment: RecomputedSegment?

  /// - Parameters:
  ///   - recomputation: what the backward pass runs again instead of keeping it.
  ///   - types: nil for those that go with the backend's products.
  ///   - onProgress: called after every op that is recorded, again when it has run backwards, and after every block of
  ///     the head.
  package convenience init(
    backend: any Backend, isRecording: Bool, recomputation: Recomputation = .none, types: TapeTypes? = nil,
    onProgress: @escaping () -> Void = {}
  ) {
    self.init(
      backend: backend, isRecording: isRecording, recomputation: recomputation,
      types: types ?? TapeTypes(backend.precision), isRerun: false, onProgress: onProgress)
  }

  init(
    backend: any Backend, isRecording: Bool, recomputation: Recomputation = .none, types: TapeTypes, isRerun: Bool,
    onProgress: @escaping () -> Void
  ) {
    self.backend = backend
    self.isRecording = isRecording
    self.recomputation = recomputation
    self.types = types
    self.isRerun = isRerun
    self.onProgress = onProgress
  }

  /// Stretches of the flat gradients that the backward pass has yet to add to, one for each op and parameter. What none
  /// of them touches is final.
  package var outstandingWrites: [Range<Int>] { entries.flatMap(\.writes) }

  /// Runs all recorded ops backwards, last first; parameters then hold their gradients. The tape is empty afterwards.
  ///
  /// - Parameter onWritten: called with each of ``outstandingWrites`` once it is done.
  package func backward(onWritten: (Range<Int>) -> Void = { _ in }) {
    runEntries(onWritten: onWritten)
    clear()
  }

  /// As ``backward(onWritten:)``, but what has reached the tape's inputs stays there.
  func runEntries(onWritten: (Range<Int>) -> Void) {
    while let entry = entries.popLast() {
      entry.backward(onWritten)
      onProgress()
      onOp?(entry.op, entry.writes, true)
    }
  }

  /// Forgets all that was recorded. Entries hold their tape, so one that does not run backwards has to be told.
  func clear() {
    entries.removeAll()
    pending.removeAll(keepingCapacity: true)
  }

  // MARK: For ops

  /// Memory without a gradient.
  package func buffer(_ shape: [Int], of dtype: DType = .float32) -> Tensor {
    let byteCount = shape.reduce(1, *) * dtype.byteCount
    return Tensor(storage: backend.pool.storage(byteCount: byteCount), shape: shape, dtype: dtype)
  }

  /// Memory for an op's result, with a slot for its gradient while recording.
  func output(_ shape: [Int], of dtype: DType = .float32) -> Tensor {
    let result = buffer(shape, of: dtype)
    return isRecording ? withSlot(result) : result
  }

  /// The same memory with a new slot for its gradient.
  func withSlot(_ tensor: Tensor) -> Tensor {
    pending.append(nil)
    return Tensor(
      storage: tensor.storage, offset: tensor.offset, shape: tensor.shape, dtype: tensor.dtype,
      origin: .slot(pending.count - 1))
  }

  /// Appends what to do once the gradients of an op's results are known.
  ///
  /// - Parameter inputs: every tensor to whose gradient `backward` may add. The parameters among them tell who sends
  ///   gradients to other ranks when they are final: one that is left out would be sent too early.
  func record(addingTo inputs: [Tensor?], op: StaticString = #function, _ backward: @escaping () -> Void) {
    guard isRecording else { return }
    let parameters = inputs.compactMap { $0 }.filter(\.isParameter)
    let writes = parameters.map { $0.offset..<$0.offset + $0.count }
    record(writes: writes, op: op) { onWritten in
      backward()
      writes.forEach(onWritten)
    }
  }

  /// Appends an op of one result; `backward` gets its gradient, if one has reached it.
  ///
  /// - Parameter inputs: as above.
  func record(
    _ result: Tensor, addingTo inputs: [Tensor?], op: StaticString = #function,
    _ backward: @escaping (_ gradient: Tensor) -> Void
  ) {
    // Not the result itself: what only others read is theirs to keep.
    let place = result.place
    record(addingTo: inputs, op: op) { [self] in
      if let gradient = takeGradient(of: place) { backward(gradient) }
    }
  }

  /// Appends something that says itself which of its writes are done.
  func record(
    writes: [Range<Int>], op: StaticString = #function,
    _ backward: @escaping (_ onWritten: (Range<Int>) -> Void) -> Void
  ) {
    entries.append(Entry(op: op, writes: writes, backward: backward))
    onProgress()
    onOp?(op, writes, false)
  }

  /// Takes the gradient that has reached an op's result; nil if none has.
  func takeGradient(of output: GradientPlace) -> Tensor? {
    takePending(output)?.gradient.reshaped(output.shape)
  }

  func takePending(_ place: GradientPlace) -> Pending? {
    guard case .slot(let slot) = place.origin else { return nil }
    defer { pending[slot] = nil }
    return pending[slot]
  }

  /// Where the gradient of `input` is to be written, and whether to add to what is there; nil if none is wanted.
  func destination(for input: Tensor) -> (gradient: Tensor, accumulates: Bool)? { destination(for: input.place) }

  func destination(for input: GradientPlace) -> (gradient: Tensor, accumulates: Bool)? {
    switch input.origin {
    case .constant:
      return nil
    case .parameter:
      return input.parameterGradient.map { ($0, true) }
    case .slot(let slot):
      if let earlier = unsharedGradient(slot) { return (earlier.reshaped(input.shape), true) }
      let gradient = buffer(input.shape, of: types.gradient(of: input.dtype))
      pending[slot] = Pending(gradient: gradient, isShared: false)
      return (gradient, false)
    }
  }

  /// Hands a finished gradient over to `inputs`, which all receive the same one.
  func contribute(_ gradient: Tensor, to inputs: Tensor...) {
    contribute(Pending(gradient: gradient, isShared: inputs.count > 1), to: inputs.map(\.place))
  }

  func contribute(_ pending: Pending, to inputs: [GradientPlace]) {
    let gradient = pending.gradient
    for input in inputs {
      precondition(
        gradient.count == input.count && gradient.dtype == types.gradient(of: input.dtype),
        "gradient: \(gradient.shape) of \(gradient.dtype) for \(input.shape) of \(input.dtype)")
      if case .slot(let slot) = input.origin, self.pending[slot] == nil {
        self.pending[slot] = pending
      } else if let (sum, _) = destination(for: input) {
        backend.add(gradient, to: sum)
      }
    }
  }

  /// The gradient that a slot holds, in memory of its own.
  private func unsharedGradient(_ slot: Int) -> Tensor? {
    guard let held = pending[slot] else { return nil }
    guard held.isShared else { return held.gradient }
    let copy = buffer(held.gradient.shape, of: held.gradient.dtype)
    copy.assign(held.gradient)
    pending[slot] = Pending(gradient: copy, isShared: false)
    return copy
  }
}

/// What the operands of matrix products are rounded to. Their sums, the weights, and all that is not stored for products
/// alone are single precision.
package enum ProductPrecision: String, CaseIterable, Hashable, Sendable {
  case float32
  /// 8 bits of significand, the range of single precision.
  case bfloat16
}

/// What a tape stores the results of a pass in. Weights, their gradients, moments and sums are single precision whatever
/// it says.
package struct TapeTypes: Hashable, Sendable {
  /// The stream that runs through the blocks: embeddings, and what blocks add to them.
  package var residual: DType
  /// Results that only products and the kernels next to them read.
  package var activations: DType
  /// Gradients of results that are not single precision themselves.
  package var gradients: DType

  package init(residual: DType, activations: DType, gradients: DType) {
    self.residual = residual
    self.activations = activations
    self.gradients = gradients
  }

  /// Activations and their gradients as products round them, all else in single precision.
  package init(_ precision: ProductPrecision) {
    let operands: DType =
      switch precision {
      case .float32: .float32
      case .bfloat16: .bfloat16
      }
    self.init(residual: .float32, activations: operands, gradients: operands)
  }

  /// Type of the gradient of a result.
  func gradient(of dtype: DType) -> DType { dtype == .float32 ? .float32 : gradients }
}

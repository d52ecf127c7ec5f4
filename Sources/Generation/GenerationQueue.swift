package import Models
package import TensorCore

/// Continues any number of texts, as many at a time as there is room for, in their order.
package struct GenerationQueue {
  private let session: GenerationSession
  private let requests: [GenerationRequest]

  /// - Parameters:
  ///   - room: where each of the requests finds room when no other is there.
  ///   - promptTokensPerStep: most tokens of prompts that go through the model beside texts that go on.
  package init(
    _ requests: [GenerationRequest], model: any LanguageModel, room: DecodeRoom, backend: any Backend,
    promptTokensPerStep: Int, usesCache: Bool
  ) {
    self.requests = requests
    session = GenerationSession(
      model, room: room, backend: backend, promptTokensPerStep: promptTokensPerStep, usesCache: usesCache)
  }

  /// Continues all texts to their ends.
  ///
  /// - Parameters:
  ///   - onStart: called when a request finds room, with its index.
  ///   - onToken: called for each new token with the index of its request; says whether the text goes on.
  /// - Throws: ``GenerationError``, and what `onToken` throws.
  package func run(
    onStart: (_ index: Int) -> Void = { _ in }, onToken: (_ index: Int, _ new: NewToken) throws -> Bool
  ) throws {
    var indices: [Int: Int] = [:]
    var next = 0
    while next < requests.count || !session.isEmpty {
      while next < requests.count, let name = try session.add(requests[next]) {
        indices[name] = next
        onStart(next)
        next += 1
      }
      precondition(!session.isEmpty, "queue: no room for request \(next)")
      for new in try session.step() {
        guard let index = indices[new.sequence] else { continue }
        if try !onToken(index, new) { session.remove(new.sequence) }
      }
    }
  }
}

extension LanguageModel {
  /// Room for as many of some sequences as fit, and for each of them alone.
  ///
  /// - Parameters:
  ///   - sequenceCount: most at a time.
  ///   - cacheBytes: most bytes of keys and values; nil for no bound. The largest sequence may need more.
  package func room(for sizes: [SequenceSize], sequenceCount: Int, cacheBytes: Int?) -> DecodeRoom {
    let config = config
    let bytes = { (size: SequenceSize) in config.cacheBytes(length: size.length, chunkSize: size.chunkSize) }
    var chosen: [SequenceSize] = []
    var total = 0
    for size in sizes.sorted(by: { bytes($0) > bytes($1) }).prefix(sequenceCount) {
      total += bytes(size)
      if !chosen.isEmpty, let cacheBytes, total > cacheBytes { break }
      chosen.append(size)
    }
    let rooms = [room(for: chosen)] + sizes.map { room(for: [$0]) }
    let slotCounts = rooms[0].slotCounts.indices.map { arena in rooms.reduce(0) { max($0, $1.slotCounts[arena]) } }
    return DecodeRoom(sequenceCount: min(sequenceCount, max(1, sizes.count)), slotCounts: slotCounts)
  }
}

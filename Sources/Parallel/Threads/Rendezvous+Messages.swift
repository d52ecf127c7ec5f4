/// Who sends to whom.
struct Route: Hashable {
  let from: Int
  let to: Int
}

extension Rendezvous {
  /// Gives the bytes to the receiver and returns when it has them.
  func send(_ bytes: UnsafeRawBufferPointer, _ route: Route) throws(ParallelError) {
    job.condition.lock()
    defer { job.condition.unlock() }
    let call = "send to rank \(route.to)"
    try job.check(ranks(of: route), during: call)
    messages[route] = bytes
    // The memory is the sender's again when this returns, even without a receiver.
    defer { messages[route] = nil }
    job.condition.broadcast()
    try job.wait(for: ranks(of: route), during: call) { messages[route] == nil }
  }

  func receive(_ bytes: UnsafeMutableRawBufferPointer, _ route: Route) throws(ParallelError) {
    job.condition.lock()
    defer { job.condition.unlock() }
    let call = "receive from rank \(route.from)"
    try job.check(ranks(of: route), during: call)
    try job.wait(for: ranks(of: route), during: call) { messages[route] != nil }
    guard let message = messages.removeValue(forKey: route) else { preconditionFailure("\(call): no message") }
    job.condition.broadcast()
    guard message.count == bytes.count else {
      throw .message(from: route.from, found: message.count, expected: bytes.count)
    }
    bytes.copyMemory(from: message)
  }

  private func ranks(of route: Route) -> [Int] { [members[route.from], members[route.to]] }
}

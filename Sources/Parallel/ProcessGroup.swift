internal import Foundation

/// The ranks of one job and what they agree on: counts, texts, votes, messages. Numbers that a backend computes with go
/// through ``Collectives``.
///
/// Every rank makes the same calls in the same order, from one thread at a time. The result of a sum is the same on all
/// ranks, to the bit. A call that fails on one rank may leave others waiting, so who catches an error ends the job with
/// ``abort(after:during:)``.
package protocol ProcessGroup: AnyObject {
  /// This process's number in `0 ..< size`.
  var rank: Int { get }
  /// Number of ranks, at least 1.
  var size: Int { get }
  /// Name of the machine that this rank runs on.
  var hostName: String { get }

  /// Replaces each value by its sum, or by the largest, over all ranks; all give equally many. The largest of values of
  /// which one is not a number is not a number.
  func allReduce(_ reduction: Reduction, _ values: inout [Double]) throws(ParallelError)
  /// Replaces each value by its sum, or by the largest, over all ranks; all give equally many.
  func allReduce(_ reduction: Reduction, _ values: inout [Int]) throws(ParallelError)

  /// Overwrites the bytes of all ranks by those of rank `root`; all give equally many.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError)
  /// Every rank's text, on all ranks, in rank order.
  func allGather(_ text: String) throws(ParallelError) -> [String]
  /// Returns when all ranks have called it.
  func barrier() throws(ParallelError)

  /// Sends bytes to another rank, which ``receive(_:from:)``s equally many. May wait until it does.
  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError)
  /// Waits for bytes that another rank ``send(_:to:)``s. Two ranks' messages keep their order.
  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError)

  /// Whether a second thread may make calls meanwhile, in a group of its own.
  var servesThreads: Bool { get }
  /// Sums and copies of tensors among these ranks. All ranks call it, with equal settings, and ``Collectives/close()`` what
  /// they get when they are through with it.
  func makeCollectives(_ settings: CollectivesSettings) throws(ParallelError) -> any Collectives

  /// Says where this rank's work is, for a failure detector; moves nothing between ranks.
  ///
  /// - Parameter step: the step under way, from 1; 0 before the first.
  func note(step: Int, phase: WorkPhase)

  /// Ends the job on all ranks at once; the launcher returns `code`. Any thread may call it.
  func abort(code: Int32)
  /// Ends the group in good order. All its ranks call it, last of all.
  func finish() throws(ParallelError)
}

/// What becomes of the values of all ranks.
package enum Reduction: Hashable, Sendable {
  case sum
  case max
}

extension ProcessGroup {
  /// The sum of all ranks' values, or the largest.
  package func allReduce(_ reduction: Reduction, _ value: Double) throws(ParallelError) -> Double {
    var values = [value]
    try allReduce(reduction, &values)
    return values[0]
  }

  /// Says on standard error which rank failed with what, then ends the job on all ranks with exit code 1.
  ///
  /// - Parameter activity: what the rank was doing, such as `"step 412"`.
  package func abort(after error: any Error, during activity: String) {
    writeToStandardError("rank \(rank) of \(size), \(activity): \(error)\n")
    abort(code: 1)
  }

  package var hostName: String { systemHostName() }

  package var servesThreads: Bool { true }

  /// Nobody watches.
  package func note(step: Int, phase: WorkPhase) {}
}

extension ProcessGroup {
  func checkPeer(_ peer: Int, _ operation: String) throws(ParallelError) {
    guard peer >= 0 && peer < size else { throw .noSuchRank(operation: operation, rank: peer, size: size) }
    precondition(peer != rank, "\(operation): rank \(rank) and itself")
  }
}

/// Writes a text where somebody may read it; if nobody can, that is no failure.
func writeToStandardError(_ text: String) {
  let bytes = Array(text.utf8)
  _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
}

/// The name that the operating system gives this machine.
func systemHostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  let code = unsafe gethostname(&name, name.count - 1)
  return code == 0 ? text(name) : "localhost"
}

/// The characters before the first zero.
func text(_ characters: [CChar]) -> String {
  String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// What a rank is at, apart from collective calls.
package enum WorkPhase: String, CaseIterable, Sendable {
  /// Reading a checkpoint, making weights, opening data.
  case start
  case gradients = "forward and backward"
  case optimizer
  case validation
  case samples = "sample texts"
  case checkpoint

  /// How many times the job's time limit may pass in it without a sign of progress: a step's parts have the limit
  /// itself, the others may be long on one rank while all others wait for it.
  var patience: Int {
    switch self {
    case .gradients, .optimizer: 1
    case .start, .validation, .samples, .checkpoint: 10
    }
  }
}

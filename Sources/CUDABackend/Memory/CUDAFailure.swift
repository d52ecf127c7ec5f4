internal import Synchronization

/// What becomes of a program whose GPU fails in the middle of its work: it ends, for no step can go on without.
package enum CUDAFailure {
  package typealias Ending = @Sendable (CUDAError) -> Never

  private static let ending = Mutex<Ending> { preconditionFailure("GPU: \($0)") }

  /// Names what ends the program from now on, on the thread that met the failure; until then it traps.
  package static func end(by ending: @escaping Ending) {
    Self.ending.withLock { $0 = ending }
  }

  static func endIfThrown<Result>(_ body: () throws(CUDAError) -> Result) -> Result {
    do {
      return try body()
    } catch {
      let ending = ending.withLock { $0 }
      ending(error)
    }
  }
}

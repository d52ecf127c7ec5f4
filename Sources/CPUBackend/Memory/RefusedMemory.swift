internal import Synchronization

/// What becomes of a program that the system refuses memory: it ends, for no kernel can go on without.
package enum RefusedMemory {
  package typealias Ending = @Sendable (_ byteCount: Int, _ code: Int32) -> Never

  private static let ending = Mutex<Ending> { byteCount, code in
    preconditionFailure("memory: the system refused \(byteCount) bytes (error \(code))")
  }

  /// Names what ends the program from now on, on the thread that asked for memory; until then it traps.
  ///
  /// - Parameter ending: gets the bytes that were asked for, and the system's error.
  package static func end(by ending: @escaping Ending) {
    Self.ending.withLock { $0 = ending }
  }

  static func end(byteCount: Int, code: Int32) -> Never {
    let ending = ending.withLock { $0 }
    ending(byteCount, code)
  }
}

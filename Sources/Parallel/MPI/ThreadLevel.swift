/// Which threads of a rank may call MPI.
package enum ThreadLevel: Int32, Comparable, Sendable {
  /// The process has one thread.
  case single
  /// Only the thread that started MPI.
  case funneled
  /// Any, one at a time.
  case serialized
  /// Any, at any time.
  case multiple

  package static func < (a: ThreadLevel, b: ThreadLevel) -> Bool { a.rawValue < b.rawValue }
}

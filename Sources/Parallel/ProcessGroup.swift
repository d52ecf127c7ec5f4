internal import Foundation

/// The ranks of one job and what they do together.
///
/// Every rank makes the same calls in the same order, from one thread. The result of a sum is the same on all ranks,
/// to the bit. A call that fails on one rank may leave others waiting, so who catches an error ends the job with
/// ``abort(after:during:)``.
package protocol ProcessGroup: AnyObject {
  /// This process's number in `0 ..< size`.
  var rank: Int { get }
  /// Number of ranks, at least 1.
  var size: Int { get }
  /// Name of the machine that this rank runs on.
  var hostName: String { get }

  /// Replaces each value by its sum over all ranks; all give equally many.
  func sum(_ values: UnsafeMutableBufferPointer<Float>) throws(ParallelError)
  /// Replaces each value by its sum over all ranks; all give equally many.
  func sum(_ values: inout [Double]) throws(ParallelError)
  /// Replaces each value by its sum over all ranks; all give equally many.
  func sum(_ values: inout [Int]) throws(ParallelError)
  /// The largest value of all ranks; not a number if any rank's is none.
  func largest(_ value: Double) throws(ParallelError) -> Double
  /// Overwrites the bytes of all ranks by those of rank `root`; all give equally many.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError)
  /// Every rank's text, on all ranks, in rank order.
  func gather(_ text: String) throws(ParallelError) -> [String]
  /// Returns when all ranks have called it.
  func barrier() throws(ParallelError)

  /// Ends the job on all ranks at once; the launcher returns `code`.
  func abort(code: Int32)
  /// Ends the group in good order. All ranks call it, last of all.
  func finish() throws(ParallelError)
}

extension ProcessGroup {
  /// Says on standard error which rank failed with what, then ends the job on all ranks with exit code 1.
  ///
  /// - Parameter activity: what the rank was doing, such as `"step 412"`.
  package func abort(after error: any Error, during activity: String) {
    FileHandle.standardError.write(Data("rank \(rank) of \(size), \(activity): \(error)\n".utf8))
    abort(code: 1)
  }

  package var hostName: String { systemHostName() }
}

/// The name that the operating system gives this machine.
func systemHostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  let code = gethostname(&name, name.count - 1)
  return code == 0 ? text(name) : "localhost"
}

/// The characters before the first zero.
func text(_ characters: [CChar]) -> String {
  String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

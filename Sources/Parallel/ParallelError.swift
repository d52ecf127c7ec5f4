/// Why ranks could not work together.
package enum ParallelError: Error, Hashable, Sendable {
  /// An MPI call returned a code other than success; `text` is MPI's own.
  case call(name: String, rank: Int?, text: String)
  /// MPI was started before in this process.
  case startedBefore
  /// MPI allows fewer threads to make calls than are needed.
  case threadLevel(provided: ThreadLevel, needed: ThreadLevel)
  /// The launcher's number of ranks, from an environment variable, is not the number that found each other.
  case launcher(variable: String, announced: Int, found: Int)
  /// There is no such rank.
  case noSuchRank(operation: String, rank: Int, size: Int)
  /// A message has not as many bytes as were expected.
  case message(from: Int, found: Int, expected: Int)
  /// Ranks met in calls that do not belong together; one entry a rank.
  case mismatch(calls: [String])
  /// A rank ended the job.
  case aborted(rank: Int, code: Int32)
  /// A rank that others wait for has left.
  case absent(rank: Int, operation: String)
}

extension ParallelError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .call(let name, let rank, let text):
      return name + " failed" + (rank.map { " on rank \($0)" } ?? "") + ": " + text
    case .startedBefore:
      return "MPI_Init_thread: MPI can start only once in a process"
    case .threadLevel(let provided, let needed):
      return "MPI_Init_thread: MPI provides thread level \(provided), needed is \(needed) or more"
    case .launcher(let variable, let announced, let found):
      return "\(variable) says that \(announced) ranks were started, but MPI found \(found): start them with the "
        + "launcher of the MPI library that this program is linked with (mpirun of Open MPI, or srun --mpi=pmix)"
    case .noSuchRank(let operation, let rank, let size):
      return "\(operation): found rank \(rank), allowed 0 ..< \(size)"
    case .message(let rank, let found, let expected):
      return "receive: rank \(rank) sent \(found) bytes, expected \(expected)"
    case .mismatch(let calls):
      let list = calls.enumerated().map { "rank \($0) in \($1)" }
      return "ranks met in different calls: " + list.joined(separator: ", ")
    case .aborted(let rank, let code):
      return "rank \(rank) ended the job with code \(code)"
    case .absent(let rank, let operation):
      return "\(operation): rank \(rank) has left"
    }
  }
}

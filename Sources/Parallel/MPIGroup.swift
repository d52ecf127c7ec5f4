internal import CMPI

/// All processes that an MPI launcher started together.
///
/// There is one in a process, once. It takes MPI's errors instead of letting MPI abort, so that a message comes first.
package final class MPIGroup: ProcessGroup {
  package let rank: Int
  package let size: Int
  package let hostName: String
  /// Which threads may make calls, as MPI provides it.
  package let threadLevel: ThreadLevel

  private let world: OpaquePointer

  /// Starts MPI and asks for calls from any thread; calls from the starting thread are enough.
  ///
  /// - Throws: ``ParallelError`` if MPI was started before, does not start or allows no second thread.
  package init() throws(ParallelError) {
    guard cmpi_was_started() == 0 else { throw .startedBefore }
    var level: Int32 = 0
    try Self.check(cmpi_start(ThreadLevel.multiple.rawValue, &level), "MPI_Init_thread", rank: nil)
    threadLevel = ThreadLevel(rawValue: level) ?? .single
    var group: OpaquePointer?
    try Self.check(cmpi_world(&group), "MPI_Comm_set_errhandler", rank: nil)
    guard let world = group, threadLevel >= .funneled else { throw .threadLevel(provided: threadLevel) }
    self.world = world
    var number: Int32 = 0
    try Self.check(cmpi_rank(world, &number), "MPI_Comm_rank", rank: nil)
    rank = Int(number)
    try Self.check(cmpi_size(world, &number), "MPI_Comm_size", rank: rank)
    size = Int(number)
    var name = [CChar](repeating: 0, count: Int(cmpi_name_capacity()))
    try Self.check(cmpi_processor_name(&name), "MPI_Get_processor_name", rank: rank)
    hostName = text(name)
  }

  /// The largest number of elements, or bytes of a broadcast, that one MPI call carries; longer ones are split.
  /// Equal on all ranks.
  package var elementsPerCall: Int {
    get { Int(cmpi_elements_per_call(world)) }
    set {
      precondition(newValue > 0 && newValue <= Int(Int32.max), "elements per call: \(newValue)")
      cmpi_set_elements_per_call(world, Int32(newValue))
    }
  }

  package func sum(_ values: UnsafeMutableBufferPointer<Float>) throws(ParallelError) {
    try check(cmpi_sum_f32(world, values.baseAddress, Int64(values.count)), "MPI_Allreduce")
  }

  package func sum(_ values: inout [Double]) throws(ParallelError) {
    try check(cmpi_sum_f64(world, &values, Int64(values.count)), "MPI_Allreduce")
  }

  package func sum(_ values: inout [Int]) throws(ParallelError) {
    var wide = values.map(Int64.init)
    try check(cmpi_sum_i64(world, &wide, Int64(wide.count)), "MPI_Allreduce")
    values = wide.map(Int.init)
  }

  package func largest(_ value: Double) throws(ParallelError) -> Double {
    // MPI_MAX may drop a value that is not a number, so whether there is one travels beside it.
    var pair = value.isNaN ? [-Double.infinity, 1] : [value, 0]
    try check(cmpi_max_f64(world, &pair, 2), "MPI_Allreduce")
    return pair[1] > 0 ? .nan : pair[0]
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    let root = Int32(clamping: root)
    try check(cmpi_broadcast(world, bytes.baseAddress, Int64(bytes.count), root), "MPI_Bcast")
  }

  package func gather(_ text: String) throws(ParallelError) -> [String] {
    let mine = Array(text.utf8)
    var counts = [Int](repeating: 0, count: size)
    counts[rank] = mine.count
    try sum(&counts)
    var all = [UInt8](repeating: 0, count: counts.reduce(0, +))
    try check(cmpi_all_gather(world, mine, counts.map(Int64.init), &all), "MPI_Allgatherv")
    var rest = all[...]
    return counts.map { count in
      defer { rest = rest.dropFirst(count) }
      return String(decoding: rest.prefix(count), as: UTF8.self)
    }
  }

  package func barrier() throws(ParallelError) {
    try check(cmpi_barrier(world), "MPI_Barrier")
  }

  package func abort(code: Int32) {
    // Does not return where MPI can end the processes, and its result helps nobody where it cannot.
    _ = cmpi_abort(code)
  }

  /// Ends MPI. No call may follow.
  package func finish() throws(ParallelError) {
    try check(cmpi_finish(), "MPI_Finalize")
  }

  private func check(_ code: Int32, _ name: String) throws(ParallelError) {
    try Self.check(code, name, rank: rank)
  }

  /// Turns an MPI code other than success into an error that names the call and carries MPI's text.
  private static func check(_ code: Int32, _ name: String, rank: Int?) throws(ParallelError) {
    guard code != 0 else { return }
    var characters = [CChar](repeating: 0, count: Int(cmpi_text_capacity()))
    let known = cmpi_error_text(code, &characters) == 0
    throw .call(name: name, rank: rank, text: known ? text(characters) : "error code \(code)")
  }
}

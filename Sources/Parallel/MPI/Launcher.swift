/// What the environment says about how this process was started.
struct Launcher {
  /// Whether an MPI launcher, or Slurm with a process manager that MPI knows, started this process.
  let speaksMPI: Bool
  /// How many ranks were started, and the variable that says so; nil where none does.
  let announced: (variable: String, count: Int)?

  init(environment: [String: String]) {
    let marks = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"]
    speaksMPI = marks.contains { environment[$0] != nil }
    let counts = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]
    announced = counts.lazy.compactMap { name in environment[name].flatMap(Int.init).map { (name, $0) } }.first
  }

  /// - Throws: ``ParallelError`` if another number of ranks was announced: each would train alone, in silence.
  func confirm(size: Int) throws(ParallelError) {
    guard let announced, announced.count != size else { return }
    throw .launcher(variable: announced.variable, announced: announced.count, found: size)
  }
}

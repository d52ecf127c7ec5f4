import ArgumentParser

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measures speed against ceilings found in the same run.",
    discussion: "Example: catlm benchmark train --size S --chunk-size 16",
    subcommands: [Train.self, Scaling.self, Kernels.self, Cost.self, Allreduce.self, Checkpoint.self, Compare.self])
}

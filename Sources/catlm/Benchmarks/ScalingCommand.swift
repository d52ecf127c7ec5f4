import ArgumentParser
import Benchmarks
import Foundation
import JSON
import Parallel
import Telemetry

extension BenchmarkCommand {
  struct Scaling: RankedCommand {
    static let configuration = CommandConfiguration(
      abstract: "Times ranks that train together against ranks that train apart, turn by turn.",
      discussion: """
        Every rank trains its share of one model for a few steps, then a model of its own, started together, for as \
        many: contention for memory is in both. The ratio of the two rates is the efficiency; the median over the \
        rounds and that of the fastest quarters of each kind are printed. "at the slowest's pace" is what ranks \
        apart would make if all waited for the slowest of them. Exposed is the share of a step together in which a \
        rank waited for others.

        Example: mpirun --bind-to core -np 2 catlm benchmark scaling --size S --threads 1 --rounds 20
        """)

    @OptionGroup var work: WorkloadOptions

    @OptionGroup var products: PrecisionOption

    @Option(help: "Turns of both kinds.")
    var rounds = 10

    @Option(help: "Steps of a turn.")
    var steps = 3

    @Option(help: "Steps of each kind before the first turn.")
    var warmup = 1

    @OptionGroup var communication: CommunicationOptions

    @OptionGroup var threads: ThreadsOption

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      try OptionCheck.require("--rounds", rounds, in: 1...)
      try OptionCheck.require("--steps", steps, in: 1...)
      try OptionCheck.require("--warmup", warmup, in: 0...)
    }

    func run() throws {
      let workload = try work.workload
      try Ranks.run { group in
        if group.rank == 0 { products.warnIfSlow() }
        let threadCount = try Host.threadCount(setting: threads.threads, group: group)
        let settings = communication.settings
        let isOverlapped = try settings.isOverlapped(
          in: group, hasSpareCore: try Host.hasSpareCore(beside: threadCount, group: group))
        // Moments of the model that each rank trains for itself.
        let momentBytes = 8 * workload.config.specs(scheme: .fla).reduce(0) { $0 + $1.count }
        try workload.requireRoom(
          Host.room(threadCount: threadCount), group: group, partners: group, settings: settings,
          furtherBytes: momentBytes
        ) { Host.makePlanner(threadCount: threadCount, precision: products.precision) }
        let benchmark = try ScalingBenchmark(
          workload, group: group, settings: settings, isOverlapped: isOverlapped,
          backend: Host.makeBackend(threadCount: threadCount, precision: products.precision))
        try benchmark.warmUp(steps: warmup)
        var table = ScalingTable(
          work, products, group: group, threadCount: threadCount, isOverlapped: isOverlapped)
        if group.rank == 0, !json { try Output.print(ScalingTable.head) }
        for index in 0..<rounds {
          table.rounds.append(try benchmark.round(steps: steps, startsApart: index % 2 == 1))
          if group.rank == 0, !json { try Output.print(table.lastLine) }
        }
        try benchmark.finish()
        if group.rank == 0 { try Output.print(json ? table.json : table.summary) }
      }
    }
  }
}

import ArgumentParser
import Benchmarks
import Foundation
import JSON
import Logging
import Settings
import Telemetry
import Training

extension BenchmarkCommand {
  struct Checkpoint: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "checkpoint",
      abstract: "Times checkpoints against a plain copy, digest and write of the same bytes.",
      discussion: """
        In turns: the plain way (copy, SHA-256, write and fsync), a checkpoint in the blocking mode, one in the \
        background beside training steps of a single sample, and such steps alone. What the steps beside it lose, the \
        stall included, is the background checkpoint's cost. Medians are printed.

        Example: catlm benchmark checkpoint configs/cat-small.yaml --directory /scratch --json
        """)

    @Argument(help: "The run file whose model is written.")
    var config = "configs/cat-small.yaml"

    @Option(name: .customLong("set"), help: "Override a key: section.key=value. May be repeated.")
    var overrides: [String] = []

    @Option(help: "Where to write; everything is removed again.")
    var directory = "."

    @Option(help: "How often each is measured.")
    var rounds = 5

    @OptionGroup var threads: ThreadsOption

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      try OptionCheck.require("--rounds", rounds, in: 1...)
    }

    func run() throws {
      let configuration = try RunConfig(RunFile(path: config, overrides: overrides + ["checkpoint.keep_last=1"]))
      try CheckpointBenchmark.requireRoom(configuration, Host.room(threadCount: threads.count)) {
        Host.makePlanner(threadCount: threads.count)
      }
      let place = directory + "/catlm-benchmark-\(ProcessInfo.processInfo.processIdentifier)"
      defer { try? FileManager.default.removeItem(atPath: place) }
      var logger = Logger(label: "catlm")
      logger.logLevel = .error
      let benchmark = try CheckpointBenchmark(
        configuration, directory: place, backend: Host.makeBackend(threadCount: threads.count), logger: logger)
      let measurement = try benchmark.run(rounds: rounds) { round in
        Console.standardError.print("round \(round) of \(rounds)")
      }
      let report = report(measurement)
      try Output.print(json ? report.json(pretty: false) : report.yaml())
    }

    private func report(_ measurement: CheckpointMeasurement) -> JSONValue {
      let step = measurement.stepSeconds.median
      let (copy, digest) = (measurement.copySeconds.median, measurement.digestSeconds.median)
      let plain = copy + digest + measurement.writeSeconds.median
      let (blocking, stall) = (measurement.blockingSeconds.median, measurement.stallSeconds.median)
      let lost = measurement.lostSeconds.median
      return [
        "config": .text(config), "parameters": .integer(measurement.parameterCount),
        "bytes": .integer(measurement.byteCount), "threads": .integer(threads.count), "rounds": .integer(rounds),
        "step_samples": .integer(CheckpointBenchmark.stepSampleCount), "step_seconds": .number(step),
        "plain_copy_seconds": .number(copy), "plain_digest_seconds": .number(digest),
        "plain_write_seconds": .number(measurement.writeSeconds.median), "plain_seconds": .number(plain),
        "blocking_seconds": .number(blocking), "blocking_over_plain": .number(blocking / plain),
        "stall_seconds": .number(stall), "stall_over_step": .number(stall / step),
        "background_seconds": .number(measurement.backgroundSeconds.median),
        "background_processor_seconds": .number(measurement.backgroundProcessorSeconds.median),
        "lost_seconds": .number(lost),
        "lost_over_plain": .number(lost / plain), "lost_share_at_5_minutes": .number(lost / 300),
        "blocking_share_at_5_minutes": .number(blocking / 300),
      ]
    }
  }
}

import ArgumentParser
import CPUBackend
import Foundation
import Logging
import MemoryPlans
import Models
import Parallel
import Settings
import Telemetry
import TensorCore
import Training

struct TrainCommand: RankedCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a model as a run file says, alone or as one rank of many.",
    discussion: """
      Under mpirun each process is a rank; the ranks split every batch. A run that was stopped or killed goes on from \
      its newest intact checkpoint when the same command is given again; if it has some and none is intact, it is refused. \
      Ranks that stand still for parallel.timeout seconds (600; 0 for ever), and a rank \
      that is dead, stopped or cut off, end the job on all ranks with exit code 3 and a line that says who is where; \
      loading, validation and checkpoints have ten times as long.

      Ctrl-C (SIGINT), SIGHUP, SIGTERM or SIGUSR1 to any rank finishes the step, writes a checkpoint, says where, and \
      exits with 0. A second signal of the same kind ends the run at once, with exit code 128 and the signal's \
      number; one of another kind changes nothing, so that the SIGTERM of Slurm's time limit does not cut off the \
      checkpoint that an earlier SIGUSR1 asked for. An output that is closed (| head) does not end a run. Under \
      mpirun send SIGUSR1 to a rank, or to an mpirun that passes it on (Open MPI 4.1.4 does, 4.1.6 does not); at SIGTERM, \
      SIGHUP or Ctrl-C mpirun kills its ranks a second later, in the middle of whatever they do, and returns 1. \
      launch/local, launch/hosts and launch/slurm.sbatch see to all of that.

      A checkpoint, or a line of metrics.jsonl, that cannot be written does not end a run (checkpoint.on_failure: stop; \
      the last checkpoint has to be written). On a full disk older checkpoints make room, for the last one all but the \
      newest intact. Training data is known by its content, sizes and sampled digests of the shards: it may move, and \
      other data under the same name is refused.

      train.precision (float32, bfloat16) is what the operands of matrix products are rounded to, in training and in its \
      validation, and how activations are stored that only products and the kernels beside them read; weights, their \
      gradients, moments, the residual stream, sums and losses stay float32. It may change when a run goes on.

      Keys of the section parallel: overlap (auto, on, off) sums gradients during the backward pass, by a thread of its \
      own, where ranks are on several machines or cores to spare; bucket_bytes (8388608) is what one call sums; wire \
      (float32, bfloat16) is how gradients travel; shared_memory (true) sums those of ranks that are all on one machine in \
      its memory instead of by MPI; shard_optimizer (false) gives each rank a part of the weights to \
      update and the moments of that part alone; every check_interval steps (100; 0 never) and at the start ranks \
      compare version, configuration, step, chunk sizes, samples and weights, and a rank that differs ends the run \
      with exit code 1; threads of a rank (by default its share of the cores).

      train.recompute (none, attention, blocks) lowers memory: the backward pass makes again, to the bit, what it then \
      need not keep, norms in any case. attention: attention's projection too; of a block are kept the stream before attention and \
      before the MLP, attention's output, the gate and up projections. blocks: whole blocks; of a block is kept the \
      stream that enters it. A run says at its start what memory it will take at most, and ends with exit code 2 if the \
      machine, or the control group that it runs in, has not as much left for its ranks, or a rank's limits (ulimit -v, \
      -d) not as many addresses.

      model.model_type is cat (adaptive: train.chunk_sizes), cat_fixed (model.chunk_size), llama (dense), or hybrid: \
      model.layers lists dense, window, cat and adaptive_cat, each a name or a mapping such as \
      {type: cat, chunk_size: 4}, and is repeated up to model.num_hidden_layers.

      With train.sample_interval the model of now continues train.sample_prompt every so many steps, at each chunk size; \
      the texts go to the log and to metrics.jsonl, whose keys docs/metrics.md explains.

      --device auto takes a GPU if there is one, cuda insists on it (exit code 2 without), cpu leaves it alone. A rank has one \
      GPU, ranks of a machine share its GPUs, and gradients of several ranks are summed in the hosts' memory. Runs resume on \
      either, the numbers then agree within rounding. docs/gpu.md says what a GPU computes and how.

      Example: mpirun --bind-to none -np 2 catlm train configs/smoke.yaml --set train.steps=100
      """)

  @Argument(help: "The run file (YAML); configs/ has examples.")
  var config: String

  @Option(
    name: .customLong("set"), help: "Override a key: section.key=value; catlm config lists all keys. May be repeated.")
  var overrides: [String] = []

  @Option(help: "auto: the newest intact checkpoint, or a fresh start; none; or a checkpoint's or run's path.")
  var resume = "auto"

  @Option(name: .customLong("run"), help: "Run directory; by default runs/NAME, after the run file.")
  var runDirectory: String?

  @Flag(
    name: .customLong("dry-run"),
    help: "Check everything, make a part of a step at each chunk size, say what the run costs; write nothing.")
  var dryRun = false

  @OptionGroup var device: DeviceOption

  @Flag(help: "Only warnings and errors: no progress, no log of what goes well.")
  var quiet = false

  func run() throws {
    // A dry run has nothing to save: a signal ends it.
    if !dryRun { StopSignals.install(announces: ProcessGroups.isFirstRank) }
    bootstrapLogging(level: .info)
    let reading = Result { try RunConfig(RunFile(path: config, overrides: overrides)) }
    let processes = try ProcessGroups.make()
    var group = processes
    do {
      let configuration = try agreed(reading, processes)
      group = try WatchedGroup.watch(processes, limit: configuration.parallel.timeout) {
        Logger(label: "catlm").warning("\($0)")
      }
      try train(configuration, group: group)
      try group.finish()
    } catch {
      Ranks.end(group, after: error)
    }
  }

  /// The configuration that all ranks have; ends them all where they have not.
  private func agreed(_ reading: Result<RunConfig, any Error>, _ group: any ProcessGroup) throws -> RunConfig {
    do {
      return try StartAgreement.confirm(reading, in: group)
    } catch let error as ParallelError {
      throw error
    } catch {
      Ranks.end(group, afterShared: error)
    }
  }

  private func train(_ configuration: RunConfig, group: any ProcessGroup) throws {
    let logger = Logger(label: "catlm", level: group.rank == 0 && !quiet ? .info : .warning)
    let threadCount = try Host.threadCount(setting: configuration.parallel.threads, group: group)
    let precision = configuration.train.precision
    let device = try ComputeDevice.chosen(device.device, in: group) {
      try KernelAgreement.level(for: precision, in: group, logger)
    }
    let backend = try Ranks.prepare(on: group) {
      try device.makeBackend(threadCount: threadCount, precision: precision)
    }
    let summary = try HostReport.summary(of: group, equipment: device.equipment(of: backend))
    let room = device.room(for: backend, threadCount: threadCount)
    let trainer = try Trainer(
      configuration, runDirectory: runDirectory ?? "runs/\(configuration.name)", group: group, backend: backend,
      host: TrainerHost(
        threadCount: threadCount, hasSpareCore: try Host.hasSpareCore(beside: threadCount, group: group),
        blasCore: device.kernelNames(of: backend), summary: summary, availableBytes: room.sharedBytes,
        addressBytes: room.addressBytes, memoryPlace: room.place,
        programName: CommandLine.arguments[0]),
      logger: logger,
      makePlanner: { device.makePlanner(threadCount: threadCount, precision: precision) })
    try Host.warnOfCrowding(threadCount, group: group, logger)
    if group.rank == 0, let backend = backend as? CPUBackend {
      Host.warnOfSlowBLAS(logger)
      if let reason = Host.slowness(of: backend.precision, at: backend.instructionLevel) {
        logger.warning("train.precision is \(backend.precision): \(reason)")
      }
    }
    do {
      try dryRun ? trainer.rehearse(resumeChoice) : trainer.run(resumeChoice)
    } catch {
      Ranks.end(group, after: error, during: ", step \(trainer.step + 1)")
    }
  }

  private var resumeChoice: ResumeChoice {
    switch resume {
    case "auto": .automatic
    case "none": .fresh
    default: .checkpoint(path: resume)
    }
  }

}

extension Logger {
  fileprivate init(label: String, level: Logger.Level) {
    self.init(label: label)
    logLevel = level
  }
}

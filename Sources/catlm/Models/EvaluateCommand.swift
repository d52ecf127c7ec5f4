import ArgumentParser
import CPUBackend
import Evaluation
import Foundation
import JSON
import MemoryPlans
import ModelIO
import Models
import Parallel
import Telemetry
import TensorCore
import TokenData

struct EvaluateCommand: RankedCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures a model at each chunk size: loss on text, recall, needles in haystacks, choices.",
    discussion: """
      CHECKPOINT may also be a Hugging Face directory of a dense model or of a CAT of flash-linear-attention. Without a \
      source, the run's own validation data is used. docs/evaluation.md explains the tasks and what is written.

      Text is measured in contexts that begin anew every --context tokens (blocked), or overlap (sliding): with \
      --stride S each begins S tokens after the one before, and its last S tokens count. Bits a byte need a tokenizer.

      --task mqar is multi-query associative recall, as the run had it, or every --lengths with every --pairs that it has \
      room for. --task needle hides a sentence with a value in a text and asks for the value: at each of --lengths \
      (tokens of prompt and answer) and each of --depths. --task choices ranks the choices of --questions, JSON lines \
      such as {"context": "The sky is", "choices": [" blue", " loud"], "answer": 0}.

      Cache bytes are what generation keeps for a sequence of the longest evaluated length. Under mpirun the ranks share \
      the work, with the same results. Results of a run's checkpoint are also added to evaluations.jsonl in the run \
      directory, where `catlm report` finds them.

      Example: catlm evaluate runs/smoke --chunk-sizes 2,4,8,16
      """)

  enum Task: String, ExpressibleByArgument, CaseIterable {
    case mqar, needle, choices
  }

  @Argument(help: "A checkpoint, or a run directory: its newest intact checkpoint.")
  var checkpoint: String

  @Option(help: "Token shards: a file, a directory or a pattern.")
  var tokens: String?

  @Option(help: "Of --tokens: auto (what each file says of itself) or nanogpt (16-bit ids without a header).")
  var format = FormatChoice.auto

  @Option(help: "A text file, tokenized on the way.")
  var text: String?

  @Option(help: "mqar: associative recall; needle: a needle in a haystack; choices: questions with choices.")
  var task: Task?

  @Option(name: .customLong("chunk-sizes"), help: "Comma-separated; by default those of the run.")
  var chunkSizes: String?

  @Option(help: "Of text: tokens of a context; by default the run's, or the model's longest.")
  var context: Int?

  @Option(help: "Of text: tokens from one context to the next; by default --context, so that none overlap.")
  var stride: Int?

  @Option(help: "Of mqar and needle: tokens of a sample; by default the run's, or the model's longest.")
  var lengths: IntegerList?

  @Option(help: "Of mqar, beside --lengths: pairs of key and value.")
  var pairs: IntegerList?

  @Option(help: "Of needle: how deep it is hidden, in percent.")
  var depths = IntegerList([0, 25, 50, 75, 100])

  @Option(help: "Of needle: numbers, words or uuids.")
  var needle = NeedleTask.Value.numbers

  @Option(help: "Of needle: a text file whose sentences hide it; by default five sentences again and again.")
  var haystack: String?

  @Option(help: "Of choices: a file of JSON lines.")
  var questions: String?

  @Option(help: "Most samples to evaluate; of needle: at each length and depth, by default 20.")
  var samples: Int?

  @Option(help: "Samples in a batch.")
  var batch = 16

  @OptionGroup var device: DeviceOption

  @OptionGroup var threads: ThreadsOption

  @Flag(help: "No progress on standard error.")
  var quiet = false

  @Flag(help: "One JSON object a chunk size on standard output.")
  var json = false

  func validate() throws {
    let sources = [("--tokens", tokens), ("--text", text), ("--task", task?.rawValue)].filter { $0.1 != nil }
    guard sources.count <= 1 else {
      let found = sources.dropFirst().map(\.0).joined(separator: " and ")
      throw OptionCheck.error(sources[0].0, found: "\(found) beside it", allowed: "one source")
    }
    try OptionCheck.require("--batch", batch, in: 1...)
    try OptionCheck.require("--samples", samples, in: 1...)
    try OptionCheck.require("--context", context, in: 1...)
    try OptionCheck.require("--stride", stride, in: 1...)
    guard task == nil || context == nil else {
      throw OptionCheck.error("--context", found: "--task beside it", allowed: "one of the two")
    }
    try validateTasks()
  }

  /// Refuses options of another task than the one that is chosen.
  private func validateTasks() throws {
    let own: [(option: String, isGiven: Bool, tasks: [Task?])] = [
      ("--stride", stride != nil, [nil]), ("--lengths", lengths != nil, [.mqar, .needle]),
      ("--pairs", pairs != nil, [.mqar]), ("--haystack", haystack != nil, [.needle]),
      ("--questions", questions != nil, [.choices]),
    ]
    for (option, isGiven, tasks) in own where isGiven && !tasks.contains(task) {
      let allowed = tasks.map { $0.map { "it with --task \($0.rawValue)" } ?? "it without --task" }
      throw OptionCheck.error(
        option, found: task.map { "--task \($0.rawValue) beside it" } ?? "it without --task",
        allowed: allowed.joined(separator: " or "))
    }
    guard task != .choices || questions != nil else {
      throw OptionCheck.error("--questions", found: "nothing", allowed: "a file of JSON lines, with --task choices")
    }
    guard task != .mqar || (lengths == nil) == (pairs == nil) else {
      throw OptionCheck.error(
        lengths == nil ? "--pairs" : "--lengths", found: "it alone", allowed: "--lengths and --pairs together")
    }
    for depth in depths.values where !(0...100).contains(depth) {
      throw OptionCheck.error("--depths", found: "\(depth)", allowed: "0 to 100")
    }
  }

  func run() throws {
    try Ranks.run { group in
      let evaluation = try Ranks.prepare(on: group) { try PreparedEvaluation(self, group: group) }
      try Ranks.prepare(on: group) { try evaluation.requireRoom(in: group) }
      try evaluation.run(in: group)
    }
  }
}

extension NeedleTask.Value: ExpressibleByArgument {}

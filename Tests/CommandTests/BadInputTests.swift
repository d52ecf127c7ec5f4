import Foundation
import Testing

/// A command line that is wrong, and what its error has to name.
struct BadInput: Sendable, CustomTestStringConvertible {
  let arguments: [String]
  let named: [String]

  init(_ arguments: String..., names: String...) {
    self.arguments = arguments
    named = names
  }

  var testDescription: String { arguments.joined(separator: " ") }

  static let withoutRun = [
    BadInput("train", "absent.yaml", names: "absent.yaml"),
    BadInput("train", "malformed.yaml", names: "malformed.yaml:2"),
    BadInput("train", "tiny.yaml", "--set", "train.setps=3", names: "train.setps", "unknown key"),
    BadInput("train", "tiny.yaml", "--set", "trian.steps=3", names: "trian"),
    BadInput("train", "tiny.yaml", "--set", "train.steps=many", names: "train.steps", "many"),
    BadInput("train", "tiny.yaml", "--set", "train.steps=0", names: "train.steps", "found 0", "1"),
    BadInput("train", "tiny.yaml", "--set", "model.hidden_size=33", names: "model"),
    BadInput("train", "tiny.yaml", "--set", "model.vocab_size=100", names: "model.vocab_size", "100", "256"),
    BadInput("train", "tiny.yaml", "--set", "train.chunk_sizes=[9]", names: "train.chunk_sizes", "9", "8"),
    BadInput("train", "tiny.yaml", "--set", "data.context=64", names: "data.context", "64", "32"),
    BadInput("train", "tiny.yaml", "--set", "data.train=absent", names: "absent"),
    BadInput("train", "tiny.yaml", "--set", "train.recompute=layers", names: "train.recompute", "layers", "blocks"),
    BadInput(
      "train", "tiny.yaml", "--set", "train.batch_size=1000000000", names: "memory", "available",
      "train.batch_size (1000000000)", "train.recompute=blocks", "checkpoint.mode=blocking"),
    BadInput(
      "train", "tiny.yaml", "--set", "model.hidden_size=16777216", "--set", "model.num_heads=16", names: "memory",
      "PiB"),
    BadInput("train", "tiny.yaml", "--set", "train.precision=half", names: "train.precision", "half", "bfloat16"),
    BadInput("train", "tiny.yaml", "--set", "parallel.wire=half", names: "parallel.wire", "half", "bfloat16"),
    BadInput("train", "tiny.yaml", "--set", "parallel.bucket_bytes=1", names: "parallel.bucket_bytes", "1", "1024"),
    BadInput("train", "tiny.yaml", "--set", "steps", names: "steps", "section.key=value"),
    BadInput("train", "tiny.yaml", "--sets", "a=1", names: "--sets"),
    BadInput("train", names: "config"),
    BadInput("retrain", names: "retrain"),
    BadInput("evaluate", "absent", names: "absent"),
    BadInput("generate", "absent", "--prompt", "a", names: "absent"),
    BadInput("generate", "absent", "--prompt", "", names: "--prompt"),
    BadInput("checkpoint", "verify", "absent", names: "absent"),
    BadInput("checkpoint", "inspect", "absent", names: "absent"),
    BadInput("parity", "absent", names: "absent"),
    BadInput("plot", "absent", "--output", "a.svg", names: "absent"),
    BadInput("plot", "data", "--output", "a.svg", names: "data: found no metrics.jsonl"),
    BadInput("report", "absent", names: "absent: found no metrics.jsonl", "the directory of a run"),
    BadInput("compare", "data", names: "data: found no metrics.jsonl"),
    BadInput("plot", "data", "text.txt", "--output", "a.svg", names: "data: found a run beside files"),
    BadInput("plot", "text.txt", "--output", "a.svg", names: "text.txt line 1", "catlm evaluate --json"),
    BadInput("tokenize", "--output", "shards", "absent.txt", names: "absent.txt"),
    BadInput("tokenize", "--output", "text.txt/shards", "text.txt", names: "text.txt/shards"),
    BadInput("tokenize", "--tokenizer", "words", "--output", "shards", "text.txt", names: "words", "bytes"),
    BadInput("benchmark", "train", "--precision", "half", names: "--precision", "half", "bfloat16"),
    BadInput("benchmark", "kernels", "--precision", "half", names: "--precision", "half", "bfloat16"),
    BadInput("benchmark", "cost", "--precision", "half", names: "--precision", "half", "bfloat16"),
    BadInput("benchmark", "scaling", "--precision", "half", names: "--precision", "half", "bfloat16"),
    BadInput("benchmark", "train", "--chunk-size", "17", names: "--chunk-size: found 17, allowed: 1 to 16"),
    BadInput("benchmark", "train", "--steps", "0", names: "--steps: found 0, allowed: 1 and more"),
    BadInput("benchmark", "train", "--warmup=-1", names: "--warmup: found -1, allowed: 0 and more"),
    BadInput("benchmark", "train", "--context", "1", names: "--context: found 1, allowed: 2 to 16777216"),
    BadInput(
      "benchmark", "train", "--batch-size", "1000000000", names: "memory", "are available",
      "a smaller --batch-size (1000000000)", "--recompute blocks"),
    BadInput(
      "benchmark", "train", "--context", "16777216", "--batch-size", "1", names: "memory", "a smaller --context"),
    BadInput(
      "benchmark", "train", "--micro-batches", "1000000000000", names: "memory", "--micro-batches (1000000000000)"),
    BadInput("benchmark", "scaling", "--batch-size", "1000000000", names: "memory", "--batch-size"),
    BadInput("benchmark", "cost", "--batch-size", "1000000000", names: "memory", "--batch-size"),
    BadInput("benchmark", "train", "--batch-size", "0", names: "--batch-size: found 0, allowed: 1 and more"),
    BadInput("benchmark", "train", "--micro-batches", "0", names: "--micro-batches: found 0, allowed: 1 and more"),
    BadInput("benchmark", "train", "--threads", "0", names: "--threads: found 0, allowed: 1 to 1024"),
    BadInput("benchmark", "train", "--bucket-bytes", "1", names: "--bucket-bytes: found 1, allowed: 1024 to"),
    BadInput("benchmark", "scaling", "--rounds", "0", names: "--rounds: found 0, allowed: 1 and more"),
    BadInput("benchmark", "scaling", "--steps", "0", names: "--steps: found 0, allowed: 1 and more"),
    BadInput("benchmark", "scaling", "--warmup=-1", names: "--warmup: found -1, allowed: 0 and more"),
    BadInput("benchmark", "scaling", "--threads", "2000", names: "--threads: found 2000, allowed: 1 to 1024"),
    BadInput("benchmark", "cost", "--steps", "0", names: "--steps: found 0, allowed: 1 and more"),
    BadInput("benchmark", "cost", "--batch-size", "0", names: "--batch-size: found 0, allowed: 1 and more"),
    BadInput("benchmark", "cost", "--patience=-1", names: "--patience: found -1.0, allowed: 0.0 and more"),
    BadInput("benchmark", "cost", "--contexts", "64,32,96", names: "--contexts: found 64,32,96, allowed: three"),
    BadInput("benchmark", "cost", "--contexts", "32,x", names: "'32,x'", "--contexts <integer,...>"),
    BadInput("benchmark", "cost", "--chunk-sizes", "1,2,32", names: "--chunk-sizes: found 1,2,32, allowed: three"),
    BadInput("benchmark", "cost", "--chunk-size", "0", names: "--chunk-size: found 0, allowed: 1 to 16"),
    BadInput("benchmark", "kernels", "--seconds", "0", names: "--seconds: found 0.0, allowed: more than 0"),
    BadInput("benchmark", "checkpoint", "--rounds", "0", names: "--rounds: found 0, allowed: 1 and more"),
    BadInput("evaluate", "run", "--batch", "0", names: "--batch: found 0, allowed: 1 and more"),
    BadInput("evaluate", "run", "--samples", "0", names: "--samples: found 0, allowed: 1 and more"),
    BadInput("evaluate", "run", "--context", "0", names: "--context: found 0, allowed: 1 and more"),
    BadInput(
      "evaluate", "run", "--context", "8", "--task", "mqar", names: "--context: found --task beside it", "one of"),
    BadInput("evaluate", "run", "--stride", "0", names: "--stride: found 0, allowed: 1 and more"),
    BadInput("evaluate", "run", "--stride", "4", "--task", "mqar", names: "--stride: found --task mqar beside it"),
    BadInput("evaluate", "run", "--lengths", "8", names: "--lengths: found it without --task", "--task needle"),
    BadInput("evaluate", "run", "--task", "mqar", "--pairs", "2", names: "--pairs: found it alone", "--lengths and"),
    BadInput("evaluate", "run", "--task", "needle", "--depths", "0,101", names: "--depths: found 101", "0 to 100"),
    BadInput("evaluate", "run", "--task", "choices", names: "--questions: found nothing", "JSON lines"),
    BadInput("evaluate", "run", "--task", "haystack", names: "--task", "haystack", "needle"),
  ]

  static let withRun = [
    BadInput("evaluate", "run", "--chunk-sizes", "2,9", names: "--chunk-sizes", "9", "1 to 8"),
    BadInput("evaluate", "run", "--chunk-sizes", "2,,4", names: "--chunk-sizes"),
    BadInput("evaluate", "run", "--text", "absent.txt", names: "absent.txt"),
    BadInput("evaluate", "run", "--tokens", "absent", names: "absent"),
    BadInput(
      "evaluate", "run", "--tokens", "a", "--text", "b", names: "--tokens: found --text beside it", "one source"),
    BadInput("evaluate", "run", "--stride", "33", names: "--stride: found 33, allowed: at most the context, 32"),
    BadInput("evaluate", "run", "--task", "needle", names: "--lengths: found 32", "which needle, question and answer"),
    BadInput(
      "evaluate", "run", "--task", "choices", "--questions", "absent", names: "absent: found no readable file"),
    BadInput(
      "evaluate", "run", "--task", "choices", "--questions", "text.txt", names: "text.txt line 1", "allowed"),
    BadInput(
      "evaluate", "run", "--task", "mqar", "--lengths", "16", "--pairs", "5", names: "--pairs: found [5]", "a quarter"),
    BadInput(
      "evaluate", "run", "--task", "mqar", "--lengths", "64", "--pairs", "5", names: "64", "at most the model's 32"),
    BadInput("generate", "run", "--prompt", "a", "--chunk-size", "0", names: "--chunk-size", "0", "1 to 8"),
    BadInput("generate", "run", "--prompt", "a", "--chunk-size", "9", names: "--chunk-size", "9", "1 to 8"),
    BadInput("generate", "run", "--prompt", "a", "--top-p", "2", names: "--top-p", "2"),
    BadInput("generate", "run", "--prompt", "a", "--min-p", "2", names: "--min-p", "2", "0.0 to 1.0"),
    BadInput("generate", "run", "--prompt", "a", "--min-p", "0.5", names: "--min-p", "--temperature above 0"),
    BadInput("generate", "run", "--prompt", "a", "--repetition-penalty", "0", names: "--repetition-penalty", "0"),
    BadInput("generate", "run", "--prompt", "a", "--presence-penalty", "inf", names: "--presence-penalty", "inf"),
    BadInput("generate", "run", names: "standard input: found nothing"),
    BadInput("generate", "run", "--prompt", "a", "--prompt-file", "b", names: "--prompt", "--prompt-file"),
    BadInput("generate", "run", "--prompt-file", "absent.jsonl", names: "absent.jsonl"),
    BadInput("generate", "run", "--prompt", "a", "--chunk-size", "auto", names: "--chunk-size", "--cache-bytes"),
    BadInput("generate", "run", "--prompt", "a", "--stop", "", names: "--stop", "at least one character"),
    BadInput("generate", "run", "--prompt", "1", "--ids", "--stop", "a", names: "--stop", "--stop-ids"),
    BadInput("generate", "run", "--prompt", "1,x", "--ids", names: "--prompt", "1,2"),
    BadInput("generate", "run", "--prompt", "1,256", "--ids", names: "--prompt: found id 256", "0 to 255"),
    BadInput("generate", "run", "--prompt", "a", "--logprobs", "1", names: "--logprobs", "--json"),
    BadInput("generate", "run", "--prompt", "a", "--cache-bytes", "9", names: "--cache-bytes: found 9", "and more"),
    BadInput("generate", "run", "--prompt", String(repeating: "a", count: 40), names: "--prompt", "40", "32"),
  ]
}

extension CommandTests {
  @Suite struct BadInputTests {
    @Test(arguments: BadInput.withoutRun)
    func `bad input ends with code 2 and one line that names it`(_ input: BadInput) throws {
      try check(input, in: Workspace())
    }

    @Test func `so does bad input about a trained run`() throws {
      let workspace = try Workspace(isTrained: true)
      for input in BadInput.withRun { try check(input, in: workspace) }
    }

    private func check(_ input: BadInput, in workspace: Workspace) throws {
      try workspace.write("model: [1\ndata: {\n", "malformed.yaml")
      let outcome = try Command.catlm(input.arguments, in: workspace.path).run()
      #expect(outcome.code == 2, "\(input)")
      #expect(outcome.errorLines.count == 1, "\(input): \(outcome.errors)")
      #expect(outcome.errors.hasPrefix("catlm: "), "\(input): \(outcome.errors)")
      for name in input.named { #expect(outcome.errors.contains(name), "\(input): \(outcome.errors)") }
    }

    @Test func `under mpirun one rank says what is wrong`() throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + ["--set", "train.steps=0"]
      let outcome = try Command.mpirun(ranks: 2, arguments, in: workspace.path).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.filter { $0.contains("train.steps") }.count == 1, "\(outcome.errors)")
    }

    @Test func `under mpirun a run without room is refused once for all ranks`() throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + ["--set", "train.batch_size=1000000000"]
      let outcome = try Command.mpirun(ranks: 2, arguments, in: workspace.path).run()
      #expect(outcome.code == 2, "\(outcome.errors)")
      let lines = outcome.errorLines.filter { $0.contains("memory: 2 ranks on") }
      #expect(lines.count == 1 && lines[0].contains("parallel.shard_optimizer=true"), "\(outcome.errors)")
    }

    @Test func `a checkpoint with one bit turned in any file is refused by name`() throws {
      let workspace = try Workspace(isTrained: true)
      let checkpoint = try workspace.latest()
      for name in try FileManager.default.contentsOfDirectory(atPath: workspace.file(checkpoint)).sorted() {
        let intact = try workspace.bytes(checkpoint + "/" + name)
        try workspace.damage(checkpoint + "/" + name)
        let outcome = try workspace.catlm("evaluate", checkpoint)
        #expect(outcome.code == 2, "\(name)")
        #expect(outcome.errorLines.count == 1, "\(name): \(outcome.errors)")
        #expect(outcome.errors.contains(name), "\(name): \(outcome.errors)")
        #expect(try workspace.catlm("checkpoint", "verify", checkpoint).code == 2, "\(name)")
        try intact.write(to: URL(filePath: workspace.file(checkpoint + "/" + name)))
      }
      try workspace.catlm("checkpoint", "verify", checkpoint).succeeded()
    }
  }
}

import Foundation
import JSON
import Testing

/// What was once accepted without a word.
extension CommandTests {
  @Suite struct AcceptanceTests {
    @Test func `more threads than cores are warned of`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.train(run: "crowded", "--set", "parallel.threads=64", "--set", "train.steps=1")
        .succeeded()
      #expect(outcome.errors.contains("64 threads share "), "\(outcome.errors)")
      let evaluation = try workspace.catlm("evaluate", "run", "--samples", "1", "--threads", "64").succeeded()
      #expect(evaluation.errors.contains("--threads: 64 threads share "), "\(evaluation.errors)")
    }

    @Test func `bfloat16 on a processor without instructions for it is warned of`() throws {
      let workspace = try Workspace()
      let words = ["CATLM_INSTRUCTIONS=baseline", try #require(Program.path)] + Workspace.training("run")
      let outcome = try Command(
        executable: "/usr/bin/env",
        arguments: words + ["--set", "train.steps=1", "--set", "train.precision=bfloat16"], directory: workspace.path
      ).run().succeeded()
      #expect(
        outcome.errors.contains(
          "train.precision is bfloat16: this processor has no instructions for it (AVX512-BF16): float32 is faster"),
        "\(outcome.errors)")
      let benchmark = try Command(
        executable: "/usr/bin/env",
        arguments: words.prefix(2) + ["benchmark", "kernels", "--only", "fill", "--precision", "bfloat16"],
        directory: workspace.path
      ).run().succeeded()
      #expect(
        benchmark.errors.contains("catlm: --precision bfloat16: this processor has no instructions for it"),
        "\(benchmark.errors)")
    }

    @Test func `a chunk size schedule that nobody knows is refused`() throws {
      let workspace = try Workspace()
      let outcome = try workspace.train("--set", "model.train_chunk_size_schedule=powers")
      #expect(outcome.code == 2 && outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("one of power_of_2, fixed, none"), "\(outcome.errors)")
    }

    @Test(arguments: [["--top-k", "5"], ["--top-p", "0.5"]])
    func `a choice among tokens without a temperature is refused`(_ option: [String]) throws {
      let outcome = try Command.catlm(["generate", "run", "--prompt", "a"] + option).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("\(option[0]): found it with --temperature 0"), "\(outcome.errors)")
    }

    @Test func `generation that ends at the model's longest sequence says so`() throws {
      let workspace = try Workspace(isTrained: true)
      let text = try workspace.catlm("generate", "run", "--prompt", "12 times", "--max-tokens", "1000").succeeded()
      #expect(text.errors.hasPrefix("24 tokens, "), "\(text.errors)")
      #expect(
        text.errors.contains("ended at the model's longest sequence, 32 tokens with the prompt"), "\(text.errors)")
      let short = try workspace.catlm("generate", "run", "--prompt", "12", "--max-tokens", "3", "--json").succeeded()
      #expect(try short.objects[0]["end"] == "max_tokens")
    }

    @Test func `a prompt that is not UTF-8 reaches the model byte by byte`() throws {
      let workspace = try Workspace(isTrained: true)
      let program = try #require(Program.path)
      func generate(_ prompt: String) throws -> Outcome {
        try Command(
          executable: "/bin/sh",
          arguments: ["-c", "\"$0\" generate run --prompt \"$(printf '\(prompt)')\" --max-tokens 1 > out", program],
          directory: workspace.path
        ).run().succeeded()
      }
      _ = try generate("12 \\377\\376 a")
      #expect(try Array(workspace.bytes("out").prefix(7)) == Array("12 ".utf8) + [0xFF, 0xFE] + Array(" a".utf8))
      // Forty bytes are refused, fourteen characters are not: the replacement has three bytes.
      _ = try generate(String(repeating: "\\377", count: 30))
    }

    @Test func `an option that is given twice is refused`() throws {
      for words in [
        ["generate", "run", "--prompt", "a", "--max-tokens", "5", "--max-tokens=6"],
        ["benchmark", "train", "--shared-memory", "--no-shared-memory"],
        ["evaluate", "run", "--json", "--json"],
      ] {
        let outcome = try Command.catlm(words).run()
        #expect(outcome.code == 2 && outcome.errorLines.count == 1 && outcome.errors.contains("allowed: one of it"))
      }
      let workspace = try Workspace()
      let outcome = try workspace.train("--set", "train.steps=1", "--set", "train.steps=2").succeeded()
      #expect(outcome.errors.contains("--set: found train.steps=1 and train.steps=2: the last counts"))
      #expect(try workspace.losses().count == 2)
    }

    @Test func `a refused start leaves no directory behind`() throws {
      let workspace = try Workspace()
      for overrides in [["train.initial_weights=absent"], ["data.train=absent"], ["train.steps=0"]] {
        let outcome = try Command.catlm(
          ["train", "tiny.yaml", "--run", "new/run"] + overrides.flatMap { ["--set", $0] }, in: workspace.path
        ).run()
        #expect(outcome.code == 2, "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: workspace.file("new")), "\(overrides)")
      }
      #expect(try workspace.train(run: "other", "--resume", "absent").code == 2)
      #expect(!FileManager.default.fileExists(atPath: workspace.file("other")))
    }

    @Test(arguments: ["text.txt", "text.txt/run"]) func `a run directory that is a file is bad input`(_ path: String)
      throws
    {
      let workspace = try Workspace()
      let outcome = try workspace.train(run: path)
      #expect(outcome.code == 2 && outcome.errors.contains("text.txt"), "\(outcome.errors)")
    }

    @Test func `log lines have their fields in order, and values quoted once`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.train(
        "--set", "train.steps=14", "--set", "schedule.kind=linear", "--set", "data.validation_samples=4"
      ).succeeded()
      #expect(outcome.errors.contains("key=schedule.kind before=cosine now=linear"), "\(outcome.errors)")
      #expect(!outcome.errors.contains("\\\""), "\(outcome.errors)")
      #expect(outcome.errors.contains("validation step=14 chunk_size=1 loss="), "\(outcome.errors)")
    }
  }
}

import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct EvaluationTests {
    @Test func `evaluate prints one object a chunk size of the run`() throws {
      let workspace = try Workspace(isTrained: true)
      let rows = try workspace.catlm("evaluate", "run", "--json").succeeded().objects
      #expect(rows.map { $0["chunk_size"] } == [.integer(1), .integer(2), .integer(8)])
      for row in rows {
        let loss = try #require(row["loss"]?.numberValue)
        #expect(loss > 0 && loss < 8)
        #expect(try #require(row["tokens_per_second"]?.numberValue) > 0)
      }
      let caches = try rows.map { try #require($0["cache_bytes"]?.integerValue) }
      #expect(caches[0] > caches[2], "larger chunks keep less: \(caches)")
    }

    @Test func `evaluate prints a table with a line a chunk size`() throws {
      let workspace = try Workspace(isTrained: true)
      let lines = try workspace.catlm("evaluate", "run", "--chunk-sizes", "2,4").succeeded().outputLines
      #expect(lines.count == 4)
      #expect(lines[0] == "validation: 8 contexts of 32 tokens, blocked")
      #expect(lines[1].contains("bits a byte") && lines[1].hasSuffix("cache bytes a sequence"))
      #expect(Set(lines[1...].map(\.count)).count == 1, "columns: \(lines)")
    }

    @Test func `shards that tokenize writes hold the text`() throws {
      let workspace = try Workspace(isTrained: true)
      let arguments = ["--validation-share", "0", "--output", "shards", "--name", "all", "text.txt"]
      try Command.catlm(["tokenize"] + arguments, in: workspace.path).run().succeeded()
      let size = try workspace.bytes("text.txt").count
      #expect(try workspace.bytes("shards/all_train_000000.bin").count == 1024 + 2 * size)
      let source = ["evaluate", "run", "--json", "--chunk-sizes", "2", "--threads", "1"]
      let losses = try [["--tokens", "shards/all_train_000000.bin"], ["--text", "text.txt"]].map {
        try Command.catlm(source + $0, in: workspace.path).run().succeeded().objects.map { $0["loss"] }
      }
      #expect(losses[0].count == 1)
      #expect(losses[0] == losses[1])
    }

    @Test func `a recall task is made on the fly`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.catlm(
        "train", Program.root + "/configs/mqar.yaml", "--run", "recall", "--set", "train.steps=1", "--set",
        "train.batch_size=2", "--set", "data.validation_samples=5", "--set", "checkpoint.interval=0")
      try outcome.succeeded()
      let rows = try workspace.catlm("evaluate", "recall", "--task", "mqar", "--samples", "10", "--json").succeeded()
      #expect(try rows.objects.count == 1)

      let grid = ["--task", "mqar", "--lengths", "16,64", "--pairs", "2,8", "--samples", "9", "--threads", "1"]
      let found = try Command.catlm(["evaluate", "recall", "--json"] + grid, in: workspace.path).run().succeeded()
        .objects
      let segments = try #require(found[0]["segments"]?.listValue)
      // 8 pairs have no room in 16 tokens.
      #expect(segments.map { $0["length"]?.integerValue } == [16, 64, 64])
      #expect(segments.map { $0["pairs"]?.integerValue } == [2, 2, 8])
      #expect(segments.map { $0["targets"]?.integerValue } == [6, 6, 24] && found[0]["targets"] == .integer(36))
      let table = try Command.catlm(["evaluate", "recall"] + grid, in: workspace.path).run().succeeded().outputLines
      #expect(table.count == 2 + 3 + 1)
      try expectSameOnRanks(["evaluate", "recall"] + grid, in: workspace)
    }

    @Test func `text is measured in contexts that are blocked or slide, in bits a byte`() throws {
      let workspace = try Workspace(isTrained: true)
      let text = ["evaluate", "run", "--text", "text.txt", "--chunk-sizes", "2,8", "--threads", "1", "--samples", "40"]
      for (options, contexts) in [([], "blocked"), (["--stride", "32"], "blocked"), (["--stride", "8"], "sliding")] {
        for row in try Command.catlm(text + options + ["--json"], in: workspace.path).run().succeeded().objects {
          #expect(row["contexts"]?.textValue == contexts)
          #expect(row["targets"] == .integer(contexts == "blocked" ? 40 * 32 : 32 + 39 * 8))
          let (loss, bits) = (row["loss"]?.numberValue ?? 0, row["bits_per_byte"]?.numberValue ?? 0)
          #expect(loss > 0 && abs(bits - loss / log(2)) < 1e-9 * bits, "a token is a byte here")
        }
      }
      try expectSameOnRanks(text + ["--stride", "8"], in: workspace)
    }

    /// Two and three ranks print what one prints, but for the time; the first adds it to the run's directory once.
    private func expectSameOnRanks(_ arguments: [String], in workspace: Workspace) throws {
      let timeless = { (object: JSONValue) in
        JSONValue.mapping(
          (object.entries ?? []).filter { !["tokens_per_second", "ranks", "time"].contains($0.key) })
      }
      let log = arguments[1] + "/evaluations.jsonl"
      let alone = try Command.catlm(arguments + ["--json"], in: workspace.path).run().succeeded().objects
      for count in [2, 3] {
        let earlier = workspace.lines(log).count
        let together = try Command.mpirun(ranks: count, arguments + ["--json"], in: workspace.path).run().succeeded()
        #expect(try together.objects.map(timeless) == alone.map(timeless), "\(count) ranks")
        #expect(try together.objects.allSatisfy { $0["ranks"] == .integer(count) })
        let added = try workspace.lines(log).dropFirst(earlier).map { try JSONValue(json: $0) }
        #expect(added.map(timeless) == alone.map(timeless), "evaluations.jsonl on \(count) ranks")
      }
    }

    @Test func `choices of a file are ranked at each chunk size`() throws {
      let workspace = try Workspace(isTrained: true)
      let line = #"{"context": "12 times 12 ", "choices": ["is 144", "qqqqqq", "ZZZZZZ"], "answer": 0}"#
      let long =
        #"{"context": "\#(String(repeating: "7 times ", count: 5))", "choices": ["7 is", "~~~~"], "answer": 0}"#
      try workspace.write(line + "\n" + long + "\n", "questions.jsonl")
      let arguments = ["evaluate", "run", "--task", "choices", "--questions", "questions.jsonl", "--threads", "1"]
      let rows = try Command.catlm(arguments + ["--json"], in: workspace.path).run().succeeded().objects
      #expect(rows.map { $0["chunk_size"] } == [.integer(1), .integer(2), .integer(8)])
      for row in rows {
        for key in ["accuracy", "accuracy_per_token", "accuracy_per_byte"] { #expect(row[key] == .number(1), "\(row)") }
        #expect(row["questions"] == .integer(2) && row["cut"] == .integer(2))
      }
      try expectSameOnRanks(arguments, in: workspace)
    }

    @Test func `needles are looked for at every length and depth`() throws {
      let workspace = try Workspace()
      let longer = ["--set", "model.max_position_embeddings=300", "--set", "train.steps=2"]
      try Command.catlm(Workspace.training("run") + longer, in: workspace.path).run().succeeded()
      let arguments =
        ["evaluate", "run", "--task", "needle", "--lengths", "280,300", "--depths", "0,60,100", "--samples", "5"]
        + ["--batch", "2", "--threads", "1", "--chunk-sizes", "4"]
      let rows = try Command.catlm(arguments + ["--json"], in: workspace.path).run().succeeded().objects
      let cells = try #require(rows[0]["cells"]?.listValue)
      #expect(cells.map { $0["length"]?.integerValue } == [280, 280, 280, 300, 300, 300])
      #expect(cells.map { $0["depth"]?.numberValue } == [0, 0.6, 1, 0, 0.6, 1])
      #expect(rows[0]["accuracy"] == .number(0), "nothing was learned")
      let words = ["--needle", "words", "--haystack", "text.txt"]
      let table = try Command.catlm(arguments + words, in: workspace.path).run().succeeded().outputLines
      #expect(
        table.count == 2 + 6 + 1 && table[0].contains("5 words at each length and depth in a haystack of text.txt"))
      try expectSameOnRanks(arguments, in: workspace)
    }

    private static let hasTransformers: Bool = {
      let check = Command(
        executable: "/usr/bin/env", arguments: ["python3", "-c", "import torch, transformers, safetensors"],
        directory: "/tmp")
      return (try? check.run().code) == 0
    }()

    @Test(.enabled(if: hasTransformers, "python3 has no torch and transformers"))
    func `exported models have the losses that transformers finds in the same contexts`() throws {
      let check = Program.root + "/Tests/Python/evaluation_check.py"
      let outcome = try Command(
        executable: "/usr/bin/env", arguments: ["python3", check, "--catlm", try #require(Program.path)],
        directory: "/tmp"
      ).start().wait(atMost: .seconds(600)).succeeded()
      #expect(outcome.outputLines.last == "everything agrees", "\(outcome.output)")
    }

    /// Directories with a model as another program wrote it, and the losses that this found.
    static let foreignModels =
      [Program.root + "/Tests/Fixtures/golden/tiny", Program.root + "/Tests/Fixtures/golden/odd"]
      + ["gqa_qknorm_bias", "tied", "ref_dense", "ref_dense_gqa_qknorm", "ref_adaptive"].map {
        Program.root + "/../shared/golden/" + $0
      }.filter(FileManager.default.fileExists)

    @Test(arguments: foreignModels)
    func `models of other programs are evaluated as they are, and give the losses that these found`(
      _ model: String
    ) throws {
      let workspace = try Workspace()
      let golden = try GoldenFile(model + "/golden.safetensors")
      let samples = try golden.samples()
      for (index, ids) in samples.enumerated() { try golden.writeShard(ids, to: workspace.file("ids_\(index).bin")) }
      let sizes = golden.losses.keys.compactMap { $0 }.sorted()
      let options = sizes.isEmpty ? [] : ["--chunk-sizes", sizes.map(String.init).joined(separator: ",")]
      let rows = try Command.catlm(
        ["evaluate", model, "--tokens", "ids_*.bin", "--context", "\(samples[0].count - 1)", "--json"] + options,
        in: workspace.path
      ).run().succeeded().objects
      #expect(rows.count == max(1, sizes.count))
      for row in rows {
        let loss = try #require(row["loss"]?.numberValue)
        let expected = try #require(golden.losses[row["chunk_size"]?.integerValue])
        #expect(abs(loss - expected) <= 1e-5 * expected, "\(model): expected \(expected), got \(loss)")
        // They name no tokenizer and no run; a vocabulary of 256 is taken for bytes, as the authors' is.
        #expect((row["bits_per_byte"] == .null) != model.contains("/ref_") && row["step"] == .null)
      }
    }
  }
}

/// The ids and losses of a file of reference tensors.
private struct GoldenFile {
  /// By chunk size; nil for a model without chunks.
  private(set) var losses: [Int?: Double] = [:]
  private let header: JSONValue
  private let data: Data

  init(_ path: String) throws {
    let file = try Data(contentsOf: URL(filePath: path))
    let length = Int(file.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    header = try JSONValue(json: String(decoding: file[8..<8 + length], as: UTF8.self))
    data = file.dropFirst(8 + length)
    for entry in header.entries ?? [] where entry.key.hasPrefix("loss") {
      let bits = try #require(integers(entry.key).first)
      losses[Int(entry.key.dropFirst("loss_c".count))] = Double(bitPattern: UInt64(bitPattern: Int64(bits)))
    }
  }

  private func list(_ tensor: String, _ key: String) -> [Int] {
    (header[tensor]?[key]?.listValue ?? []).compactMap(\.integerValue)
  }

  /// The tensor's elements of eight bytes, as integers.
  private func integers(_ name: String) throws -> [Int] {
    let offsets = list(name, "data_offsets")
    try #require(offsets.count == 2)
    let bytes = Array(data.dropFirst(offsets[0]).prefix(offsets[1] - offsets[0]))
    return stride(from: 0, to: bytes.count, by: 8).map { start in
      Int(truncatingIfNeeded: bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
  }

  func samples() throws -> [[Int]] {
    let shape = list("input_ids", "shape")
    try #require(shape.count == 2)
    let ids = try integers("input_ids")
    return (0..<shape[0]).map { Array(ids[$0 * shape[1]..<($0 + 1) * shape[1]]) }
  }

  /// Writes ids as llm.c has them.
  func writeShard(_ ids: [Int], to path: String) throws {
    let header = [20_240_520, 1, ids.count] + Array(repeating: 0, count: 253)
    let bytes =
      header.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
      + ids.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    try Data(bytes).write(to: URL(filePath: path))
  }
}

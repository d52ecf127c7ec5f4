import JSON
import Testing

extension CommandTests {
  @Suite struct GenerationTests {
    @Test func `generate works at every chunk size`() throws {
      let workspace = try Workspace(isTrained: true)
      for size in 1...8 {
        let outcome = try workspace.catlm(
          "generate", "run", "--prompt", "12 times", "--chunk-size", "\(size)", "--max-tokens", "17", "--json"
        ).succeeded()
        let objects = try outcome.objects
        #expect(objects.count == 1)
        #expect(objects[0]["chunk_size"] == .integer(size))
        #expect(objects[0]["tokens"]?.listValue?.count == 17)
      }
    }

    @Test func `generate continues the prompt on standard output`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.catlm("generate", "run", "--prompt", "12 times", "--max-tokens", "5").succeeded()
      #expect(outcome.output.hasPrefix("12 times"))
      #expect(outcome.errorLines.count == 1)
      #expect(outcome.errors.hasPrefix("5 tokens, ") && outcome.errors.contains("tokens/s, cache "))
    }

    @Test(arguments: [1, 3, 8])
    func `the cache changes no token`(chunkSize: Int) throws {
      let workspace = try Workspace(isTrained: true)
      let command = ["generate", "run", "--prompt", "12 t", "--chunk-size", "\(chunkSize)", "--json"]
      let objects = try [[], ["--no-cache"]].map {
        try Command.catlm(command + $0, in: workspace.path).run().succeeded().objects[0]
      }
      #expect(objects[0]["tokens"]?.listValue?.count == 28)
      #expect(objects[0]["tokens"] == objects[1]["tokens"])
      // Two layers of two keys and values of 16 channels, for each chunk and the rows of one.
      let slotCount = (32 + chunkSize - 1) / chunkSize + max(2, chunkSize)
      #expect(objects[0]["cache_bytes"] == .integer(slotCount * 2 * 2 * 32 * 4))
      #expect(objects[1]["cache_bytes"] == .integer(0))
    }

    @Test(arguments: [
      ["--temperature", "1", "--seed", "7"], ["--temperature", "0.8", "--top-k", "5", "--top-p", "0.9"],
    ])
    func `the same seed draws the same tokens`(_ options: [String]) throws {
      let workspace = try Workspace(isTrained: true)
      let command = ["generate", "run", "--prompt", "12 times", "--max-tokens", "20", "--json"] + options
      let tokens = try (0..<2).map { _ in
        try Command.catlm(command, in: workspace.path).run().succeeded().objects.map { $0["tokens"] }
      }
      #expect(tokens[0] == tokens[1])
    }

    @Test func `a file of prompts gives a result a line, in order`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.write(
        """
        {"prompt": "12 times", "max_tokens": 9, "chunk_size": 1}
        {"ids": [49, 50], "max_tokens": 2, "temperature": 0.9, "seed": 3, "logprobs": 2}

        {"prompt": "7 times 7 is", "chunk_size": 8}
        {"prompt": "a", "max_tokens": 0}
        """, "prompts.jsonl")
      let command = ["generate", "run", "--prompt-file", "prompts.jsonl", "--max-tokens", "5", "--chunk-size", "3"]
      let objects = try Command.catlm(command, in: workspace.path).run().succeeded().objects
      #expect(objects.map { $0["index"] } == [0, 1, 2, 3])
      #expect(objects.map { $0["tokens"]?.listValue?.count } == [9, 2, 5, 0])
      #expect(objects.map { $0["chunk_size"] } == [1, 3, 8, 3])
      #expect(objects.allSatisfy { $0["end"] == "max_tokens" })
      #expect(objects[1]["ids"] == [49, 50] && objects[1]["prompt"] == nil)
      let chosen = objects[1]["logprobs"]?.listValue ?? []
      #expect(chosen.map { $0["id"] } == objects[1]["tokens"]?.listValue)
      #expect(chosen.allSatisfy { $0["top"]?.listValue?.count == 2 && ($0["logprob"]?.numberValue ?? 1) <= 0 })
      // One at a time, and each alone, they are the same.
      let alone = try Command.catlm(command + ["--batch", "1"], in: workspace.path).run().succeeded().objects
      #expect(alone.map { $0["tokens"] } == objects.map { $0["tokens"] })
      let single = try workspace.catlm(
        "generate", "run", "--prompt", "12 times", "--max-tokens", "9", "--chunk-size", "1", "--json"
      ).succeeded().objects
      #expect(single[0]["tokens"] == objects[0]["tokens"] && single[0]["text"] == objects[0]["text"])
    }

    @Test func `texts and ids end a continuation`() throws {
      let workspace = try Workspace(isTrained: true)
      let command = ["generate", "run", "--prompt", "12 times", "--json", "--max-tokens", "12"]
      func run(_ options: String...) throws -> (text: String, tokens: [Int], end: String?) {
        let object = try Command.catlm(command + options, in: workspace.path).run().succeeded().objects[0]
        let tokens = (object["tokens"]?.listValue ?? []).compactMap(\.integerValue)
        return (object["text"]?.textValue ?? "", tokens, object["end"]?.textValue)
      }
      let whole = try run()
      #expect(whole.tokens.count == 12 && whole.end == "max_tokens")
      let id = whole.tokens[5]
      let first = try #require(whole.tokens.firstIndex(of: id))
      let byID = try run("--stop-ids", "\(id)")
      #expect(byID.end == "stop_id" && byID.tokens == Array(whole.tokens.prefix(first + 1)))
      let stop = String(decoding: whole.tokens[3...4].map { UInt8($0) }, as: UTF8.self)
      let byText = try run("--stop", "not there", "--stop", stop)
      let place = try #require(whole.text.range(of: stop))
      #expect(byText.end == "stop_text" && byText.text == String(whole.text[..<place.lowerBound]))
    }

    @Test func `streams, ids and files from standard input say the same`() throws {
      let workspace = try Workspace(isTrained: true)
      let plain = try workspace.catlm("generate", "run", "--prompt", "12", "--max-tokens", "6").succeeded()
      let streamed = try workspace.catlm("generate", "run", "--prompt", "12", "--max-tokens", "6", "--stream")
        .succeeded()
      #expect(plain.output == streamed.output && streamed.errors.contains("; ended at --max-tokens"))
      let objects = try workspace.catlm(
        "generate", "run", "--ids", "--prompt", "49,50", "--max-tokens", "6", "--json"
      ).succeeded().objects
      #expect(objects[0]["ids"] == [49, 50] && objects[0]["text"] == .null)
      let ids = (objects[0]["tokens"]?.listValue ?? []).compactMap(\.integerValue)
      let lines = try workspace.catlm("generate", "run", "--ids", "--prompt", "49,50", "--max-tokens", "6").succeeded()
      #expect(lines.outputLines == [ids.map(String.init).joined(separator: ",")])
      let tokens = try workspace.catlm(
        "generate", "run", "--prompt", "12", "--max-tokens", "6", "--json", "--stream"
      ).succeeded().objects
      #expect(tokens.count == 7 && tokens.dropLast().map { $0["token"]?.integerValue } == ids)
    }

    @Test func `the chunk size is the smallest that fits the cache`() throws {
      let workspace = try Workspace(isTrained: true)
      // Two layers of two keys and values of 16 channels; 24 tokens in all.
      let bytes = (1...8).map { ((24 + $0 - 1) / $0 + max(2, $0)) * 2 * 2 * 32 * 4 }
      for bound in [bytes[0], bytes[2], bytes[3]] {
        let objects = try workspace.catlm(
          "generate", "run", "--prompt", "12 times", "--max-tokens", "16", "--chunk-size", "auto", "--cache-bytes",
          "\(bound)", "--json"
        ).succeeded().objects
        let expected = try #require(bytes.firstIndex { $0 <= bound })
        #expect(
          objects[0]["chunk_size"] == .integer(expected + 1) && objects[0]["cache_bytes"] == .integer(bytes[expected]))
      }
      let least = try #require(bytes.min())
      let outcome = try workspace.catlm(
        "generate", "run", "--prompt", "12 times", "--max-tokens", "16", "--chunk-size", "auto", "--cache-bytes",
        "\(least - 1)")
      #expect(outcome.code == 2 && outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("--cache-bytes") && outcome.errors.contains("\(least) and more"))
    }

    @Test(arguments: [
      (#"{"prompt": "a", "ids": [1]}"#, "found both"), (#"{"max_tokens": 3}"#, "found neither"),
      (#"{"prompt": "a", "tempreature": 1}"#, "did you mean temperature?"), (#"{"prompt": "a""#, "is no JSON"),
      (#"{"prompt": "a", "top_p": 0}"#, "top_p: found 0"), (#"{"ids": [256]}"#, "ids[0]: found 256"),
      (#"{"prompt": "a", "chunk_size": 9}"#, "chunk_size: found 9, allowed: 1 to 8"),
      (#"{"prompt": ""}"#, "found 0 tokens"), (#"{"prompt": "a", "stop": ["b", ""]}"#, "stop: found an empty text"),
      (#"{"prompt": "a", "chunk_size": "auto"}"#, "without --cache-bytes"),
    ])
    func `a line that says something wrong is refused with its place`(line: String, message: String) throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.write(#"{"prompt": "a"}"# + "\n" + line + "\n", "prompts.jsonl")
      let outcome = try workspace.catlm("generate", "run", "--prompt-file", "prompts.jsonl")
      #expect(outcome.code == 2 && outcome.output.isEmpty && outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("prompts.jsonl:2: ") && outcome.errors.contains(message), "\(outcome.errors)")
    }
  }
}

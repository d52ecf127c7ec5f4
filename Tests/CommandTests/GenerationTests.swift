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
  }
}

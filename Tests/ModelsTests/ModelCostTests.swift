import JSON
import Models
import Testing

struct ModelCostTests {
  private func tiny(_ type: String) throws -> ModelConfig {
    let fields: JSONValue =
      type == "cat"
      ? [
        "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "num_heads": 2, "compressor_hidden_size": 4,
        "compressor_num_layers": 1, "compressor_num_heads": 1, "intermediate_size": 10, "max_chunk_size": 2,
      ]
      : [
        "model_type": "llama", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "intermediate_size": 10,
      ]
    return try ModelConfig(JSONReader(fields, path: "model"))
  }

  @Test func `the arithmetic of a small CAT is what counting by hand gives`() throws {
    // Two chunks of two tokens. Compressor: 8 rows, 4 of them with queries.
    let compressor = [
      2 * 8 * 8 * 4, 2 * 4 * 4 * 4,  // keys and values, queries
      4 * (2 * 2 * 4) * 4,  // scores and their sums of values: 2 chunks, 2 queries, 4 keys
      2 * 4 * 4 * 4, 2 * 4 * 20 * 4, 2 * 4 * 4 * 10,  // output, gate and up, down
      2 * 2 * 8 * 8,  // the two compressed vectors
    ]
    // Decoder: 3 globals and 5 locals; locals alone have queries, 4 of them predict.
    let decoder = [
      2 * 8 * 16 * 8, 2 * 5 * 8 * 8,
      4 * ((1 + 1 + 1 + 2) + (2 + 1 + 2 + 2) + (3 + 1)) * 8,
      2 * 4 * 8 * 8, 2 * 4 * 20 * 8, 2 * 4 * 8 * 10,
      2 * 4 * 11 * 8,
    ]
    let cost = ModelCost(try tiny("cat"), sampleCount: 1, length: 4, targetCount: 4, chunkSize: 2)
    let expected = (compressor + decoder).reduce(0, +)
    #expect(cost.forwardOperations == Double(expected))
    #expect(cost.trainingOperations == Double(3 * expected))
  }

  @Test func `the arithmetic of a small dense model is what counting by hand gives`() throws {
    let attention = 4 * (1 + 2 + 3) * 8
    let first = [2 * 3 * 16 * 8, attention, 2 * 3 * 8 * 8, 2 * 3 * 20 * 8, 2 * 3 * 8 * 10]
    // One row predicts: the last layer goes on with that alone after its attention.
    let last = [2 * 3 * 16 * 8, attention, 2 * 1 * 8 * 8, 2 * 1 * 20 * 8, 2 * 1 * 8 * 10, 2 * 1 * 11 * 8]
    let cost = ModelCost(try tiny("llama"), sampleCount: 1, length: 3, targetCount: 1, chunkSize: 1)
    #expect(cost.forwardOperations == Double((first + last).reduce(0, +)))
  }

  @Test func `the arithmetic of a small CAT of one chunk size is what counting by hand gives`() throws {
    let fields: JSONValue = [
      "model_type": "cat_fixed", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2, "num_heads": 2,
      "compressor_hidden_size": 4, "compressor_num_layers": 1, "compressor_num_heads": 1, "intermediate_size": 10,
      "chunk_size": 3, "max_position_embeddings": 32,
    ]
    // Two chunks of three tokens and one more. Compressor: 8 rows, 6 of them with queries.
    let compressor = [
      2 * 8 * 8 * 4, 2 * 6 * 4 * 4, 4 * (2 * 3 * 4) * 4, 2 * 6 * 4 * 4, 2 * 6 * 20 * 4, 2 * 6 * 4 * 10,
      2 * 2 * 8 * 12,
    ]
    // Decoder: 3 globals, 2 + 2 + 1 locals.
    let scores = (1 + 2 + 3) + (1 + 1) + (1 + 2) + (2 + 1) + (2 + 2) + (3 + 1)
    let first = [2 * 8 * 24 * 8, 4 * scores * 8, 2 * 8 * 8 * 8, 2 * 8 * 20 * 8, 2 * 8 * 8 * 10]
    // The dummy has no query in the last layer; three rows predict.
    let last = [
      2 * 8 * 16 * 8, 2 * 7 * 8 * 8, 4 * (scores - 1) * 8, 2 * 3 * 8 * 8, 2 * 3 * 20 * 8, 2 * 3 * 8 * 10,
      2 * 3 * 11 * 8,
    ]
    let config = try ModelConfig(JSONReader(fields, path: "model"))
    let cost = ModelCost(config, sampleCount: 1, length: 7, targetCount: 3, chunkSize: 3)
    #expect(cost.forwardOperations == Double((compressor + first + last).reduce(0, +)))
    // Three vectors or the dummy for three chunks, and two tokens of the current one.
    #expect(config.cacheBytes(length: 7, chunkSize: 3) == 4 * 2 * 2 * 8 * (3 + 2))
  }

  @Test func `the arithmetic of a small hybrid is what counting by hand gives`() throws {
    let fields: JSONValue = [
      "model_type": "hybrid", "vocab_size": 11, "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1,
      "intermediate_size": 10,
      "layers": [["type": "window", "window": 3], ["type": "cat", "dim_fx": 12, "head_dim": 6]],
      "chunk_size": 2,
    ]
    let mlp = { (rows: Int) in [2 * rows * 20 * 8, 2 * rows * 8 * 10] }
    let window = [2 * 5 * 16 * 8, 4 * (1 + 2 + 3 + 3 + 3) * 8, 2 * 5 * 8 * 8] + mlp(5)
    // Two chunks of two tokens and one more: 3 globals, 1 + 1 + 1 locals; four rows predict.
    let scores = (2 + 3) + (1 + 1) + (2 + 1) + (3 + 1)
    let cat =
      [2 * 2 * 12 * 16, 2 * 3 * 12 * 8, 2 * 6 * 24 * 12, 2 * 5 * 12 * 12, 4 * scores * 12, 2 * 4 * 12 * 12]
      + [2 * 4 * 8 * 12] + mlp(4)
    let config = try ModelConfig(JSONReader(fields, path: "model"))
    let cost = ModelCost(config, sampleCount: 1, length: 5, targetCount: 4, chunkSize: 1)
    #expect(cost.forwardOperations == Double((window + cat + [2 * 4 * 11 * 8]).reduce(0, +)))
    // The window keeps three tokens; CAT three vectors, a token, and the chunk's vector so far.
    #expect(config.cacheBytes(length: 5, chunkSize: 1) == 4 * (2 * 4 * 3 + 12 * (2 * (3 + 1) + 1)))
  }

  @Test func `work grows with the samples`() throws {
    let config = try tiny("cat")
    let one = ModelCost(config, sampleCount: 1, length: 7, targetCount: 7, chunkSize: 2).forwardOperations
    let five = ModelCost(config, sampleCount: 5, length: 7, targetCount: 35, chunkSize: 2).forwardOperations
    #expect(five == 5 * one)
  }

  @Test(arguments: [(4, 2.0), (8, 3.9), (16, 7.5), (32, 12.8)])
  func `the cache of the paper's pairing is as much smaller as the formula says`(chunkSize: Int, ratio: Double) throws {
    let length = 4096
    let dense = try ShippedConfig.model("dense-small").cacheBytes(length: length, chunkSize: 1)
    let cat = try ShippedConfig.model("cat-small").cacheBytes(length: length, chunkSize: chunkSize)
    let found = Double(dense) / Double(cat)
    #expect(abs(found / ratio - 1) <= 0.02, "expected \(ratio), got \(found)")
    #expect(abs(found - Double(length) / Double(2 * (length / chunkSize + chunkSize))) < 1e-9)
  }
}

import Models
import Settings
import Testing

struct ModelCostTests {
  private func tiny(_ type: String) throws -> ModelConfig {
    let fields: Setting =
      type == "cat"
      ? [
        "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "num_heads": 2, "compressor_hidden_size": 4,
        "compressor_num_layers": 1, "compressor_num_heads": 1, "intermediate_size": 10, "max_chunk_size": 2,
      ]
      : [
        "model_type": "llama", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "intermediate_size": 10,
      ]
    return try ModelConfig(SettingsReader(fields, path: "model"))
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

import Foundation
import Randomness
import Testing

@testable import TokenData

/// Samples that are cut at the boundaries of documents.
@Suite struct DocumentCutTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A shard of documents of these lengths, whose ids count on.
  private func shard(_ lengths: [Int], name: String = "x") throws -> String {
    var writer = TokenShardWriter(
      prefix: scratch.file(name), split: .training, vocabularySize: 65536, keepsDocuments: true)
    var next: Int32 = 0
    for length in lengths {
      try writer.append((next..<next + Int32(length)).map { $0 }, beginsDocument: true)
      next += Int32(length)
    }
    return try writer.finish()[0]
  }

  private func dataset(_ path: String, context: Int, endOfDocument: Int32? = nil) throws -> TokenDataset {
    try TokenDataset(paths: [path], context: context, cut: DocumentCut(endOfDocument: endOfDocument))
  }

  @Test func `a window is cut where documents begin, and one id alone is nothing`() throws {
    let data = try dataset(shard([3, 1, 6, 8]), context: 8)
    // Ids 0 to 8: 0 1 2 | 3 | 4 5 6 7 8.
    let first = data.batch(indices: [0])
    #expect(first.lengths == [2, 4])
    #expect(first.inputs == [0, 1, 4, 5, 6, 7] && first.targets == [1, 2, 5, 6, 7, 8])
    // Ids 8 to 16: 8 9 | 10 … 16.
    #expect(data.batch(indices: [1]).inputs == [8, 10, 11, 12, 13, 14, 15])
    // Shorter ones first, equal ones side by side in their order.
    let both = data.batch(indices: [1, 0])
    #expect(both.lengths == [1, 2, 4, 6])
    #expect(both.inputs == [8, 0, 1, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15])
    #expect(both.targetCount == 13 && data.mostSequences == 3)
  }

  @Test func `documents of one id leave nothing`() throws {
    let batch = try dataset(shard(Array(repeating: 1, count: 20)), context: 4).batch(indices: [0, 1])
    #expect(batch.inputs.isEmpty && batch.lengths.isEmpty && batch.targetCount == 0)
  }

  @Test(arguments: UInt64(0)..<24) func `every target but a document's first id is there once`(seed: UInt64) throws {
    var generator = CounterGenerator(seed: seed, stream: .task, index: 0)
    let lengths = (0..<60).map { _ in 1 + generator.below(generator.below(4) == 0 ? 40 : 6) }
    let context = 1 + generator.below(20)
    let data = try dataset(shard(lengths), context: context)
    var starts: Set<Int32> = []
    var start = 0
    for length in lengths {
      starts.insert(Int32(start))
      start += length
    }
    let batches = (0..<data.sampleCount).map { data.batch(indices: [$0]) }
    let wanted = (1...data.sampleCount * context).map { Int32($0) }.filter { !starts.contains($0) }
    #expect(batches.flatMap(\.targets).sorted() == wanted)
    #expect(batches.map(\.lengths.count).max() ?? 0 <= data.mostSequences)
    for batch in batches + [data.batch(indices: Array(0..<data.sampleCount))] {
      #expect(zip(batch.inputs, batch.targets).allSatisfy { $0 + 1 == $1 })
      #expect(zip(batch.lengths, batch.lengths.dropFirst()).allSatisfy { $0 <= $1 })
      var place = 0
      for length in batch.lengths {
        let piece = batch.inputs[place..<place + length]
        // One after the other, and no other document begins in it.
        #expect(piece.last == (piece.first ?? 0) + Int32(length) - 1)
        #expect(!piece.dropFirst().contains { starts.contains($0) })
        place += length
      }
    }
  }

  @Test func `an id that ends documents does where nothing else says it`() throws {
    let path = scratch.file("plain.bin")
    try TokenShardWriter.write([5, 6, 0, 7, 8, 9, 0, 0, 1, 2], vocabularySize: 10, to: path)
    let batch = try dataset(path, context: 9, endOfDocument: 0).batch(indices: [0])
    #expect(batch.lengths == [1, 2, 3] && batch.inputs == [1, 5, 6, 7, 8, 9] && batch.targets == [2, 6, 0, 8, 9, 0])
    let error = #expect(throws: TokenError.self) { try dataset(path, context: 9) }
    #expect(
      error?.description
        == "\(path): found nothing that says where documents begin; allowed: for data.document_boundaries: reset, the "
        + ".documents that catlm tokenize writes beside a shard, an .idx of Megatron, or a data.tokenizer with an id that "
        + "ends documents")
  }

  @Test func `samples without a boundary are what they are without the cut`() throws {
    let path = try shard([100, 3])
    let (cut, whole) = (try dataset(path, context: 7), try TokenDataset(paths: [path], context: 7))
    #expect(cut.batch(indices: [0, 5, 13]) == whole.batch(indices: [0, 5, 13]))
    #expect(cut.sampleCount == whole.sampleCount && whole.mostSequences == 1)
  }
}

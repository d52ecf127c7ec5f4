import FaultSupport
import ParserOracles

/// Row 12, token shards: whatever is in the files, they are read as what they say or refused.
enum MutatedShards {
  static let checks = [
    FaultCheck(
      12, "shards", "mutated token shards (.bin of 16 and 32 bits and without a header, .npy of every width)",
      fullCount: 1_000_000
    ) { bench in
      let originals = originals()
      let words =
        [
          "'", "\"", "(", ")", ",", ":", "{", "}", " ", "<u2", ">u2", "<u4", "<i4", "<i8", "False", "True", "shape",
          "descr", "(10,)", "0", "1", "\n", "#",
        ].map { Array($0.utf8) } + [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0x80], [0xFF, 0xFF, 0xFF, 0x7F]]
      let path = bench.file("mutated.bin")
      return Attempts { index, random in
        let original = originals[index % originals.count]
        try overwrite(path, Mutation.apply(to: original, words: words, focus: 80, using: &random))
        try TokenShardOracle.check(path)
        try TokenShardOracle.check(path, isHeaderless: true)
      }
    },
    FaultCheck(12, "megatron", "mutated indices of Megatron, and data beside them", fullCount: 1_000_000) { bench in
      let originals = [1, 4, 5, 8].map(megatron)
      let words: [[UInt8]] = [
        Array("MMIDIDX".utf8), [0, 0], [1], [4], [5], [8], [2, 0, 0, 0, 0, 0, 0, 0], little(-1, 8), little(-1, 4),
        little(Int.max, 8), little(1 << 40, 8),
      ]
      let (data, index) = (bench.file("megatron.bin"), bench.file("megatron.idx"))
      return Attempts { attempt, random in
        let original = originals[attempt % originals.count]
        let isOfData = attempt % 16 == 0
        try overwrite(index, Mutation.apply(to: original.index, words: words, focus: 34, using: &random))
        try overwrite(
          data, isOfData ? Mutation.apply(to: original.data, words: words, focus: 8, using: &random) : original.data)
        try MegatronOracle.check(data, index: index)
      }
    },
  ]

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// Data of Megatron that is whole.
  private static func megatron(_ type: Int) -> (data: [UInt8], index: [UInt8]) {
    let width = [1: 1, 4: 4, 5: 8, 8: 2][type] ?? 2
    let (lengths, documents) = ([3, 0, 5, 2], [0, 2, 4])
    let places = lengths.indices.map { lengths[..<$0].reduce(0, +) * width }
    let head = Array("MMIDIDX\0\0".utf8) + little(1, 8) + [UInt8(type)]
    let counts = little(lengths.count, 8) + little(documents.count, 8)
    let lists = lengths.flatMap { little($0, 4) } + (places + documents).flatMap { little($0, 8) }
    return ((0..<10).flatMap { little($0 * 7, width) }, head + counts + lists)
  }

  /// Files that are whole.
  private static func originals() -> [[UInt8]] {
    let bins = [(20_240_520, 1, 2), (20_240_801, 7, 4)].map { magic, version, width in
      let head = [magic, version, 10].flatMap { little($0, 4) }
      return head + [UInt8](repeating: 0, count: 1024 - 12) + (0..<10).flatMap { little($0 * 7, width) }
    }
    let kinds = [(1, "u2", 2), (2, "u2", 2), (3, "u2", 2), (1, "u4", 4), (1, "i4", 4), (1, "i8", 8)]
    let arrays = kinds.map { version, type, width -> [UInt8] in
      let text = Array("{'descr': '<\(type)', 'fortran_order': False, 'shape': (10,), }   \n".utf8)
      let head = [0x93] + Array("NUMPY".utf8) + [UInt8(version), 0] + little(text.count, version == 1 ? 2 : 4)
      return head + text + (0..<10).flatMap { little($0 * 7, width) }
    }
    return bins + arrays + [(0..<100).flatMap { little($0 * 501, 2) }]
  }
}

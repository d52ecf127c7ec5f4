import FaultSupport
import ParserOracles

/// Row 12, token shards: whatever is in the file, it is read as what it says or refused.
enum MutatedShards {
  static let checks = [
    FaultCheck(12, "shards", "mutated token shards (.bin of 16 and 32 bits, .npy)", fullCount: 1_000_000) { bench in
      let originals = originals()
      let words =
        [
          "'", "\"", "(", ")", ",", ":", "{", "}", " ", "<u2", ">u2", "<u4", "False", "True", "shape", "descr", "(10,)",
          "0", "1", "\n", "#",
        ].map { Array($0.utf8) } + [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0x80], [0xFF, 0xFF, 0xFF, 0x7F]]
      let path = bench.file("mutated.bin")
      return Attempts { index, random in
        let original = originals[index % originals.count]
        try overwrite(path, Mutation.apply(to: original, words: words, focus: 80, using: &random))
        try TokenShardOracle.check(path)
      }
    }
  ]

  /// Files that are whole.
  private static func originals() -> [[UInt8]] {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let bins = [(20_240_520, 1, 2), (20_240_801, 7, 4)].map { magic, version, width in
      let head = [magic, version, 10].flatMap { little($0, 4) }
      return head + [UInt8](repeating: 0, count: 1024 - 12) + (0..<10).flatMap { little($0 * 7, width) }
    }
    let arrays = [1, 2, 3].map { version -> [UInt8] in
      let text = Array("{'descr': '<u2', 'fortran_order': False, 'shape': (10,), }   \n".utf8)
      let head = [0x93] + Array("NUMPY".utf8) + [UInt8(version), 0] + little(text.count, version == 1 ? 2 : 4)
      return head + text + (0..<10).flatMap { little($0 * 7, 2) }
    }
    return bins + arrays
  }
}

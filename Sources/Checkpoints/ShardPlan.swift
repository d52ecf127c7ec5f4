/// Which tensors go into which file.
///
/// Tensors stay in order and a file holds at most so many bytes of them; a larger tensor gets a file of its own.
package struct ShardPlan: Hashable, Sendable {
  package struct Shard: Hashable, Sendable {
    /// Such as `model-00001-of-00003.safetensors`.
    package let fileName: String
    /// Positions in the list of tensors.
    package let tensors: Range<Int>
  }

  package let shards: [Shard]

  /// - Parameters:
  ///   - stem: the files' name up to the number: `model` or `optimizer`.
  ///   - byteCounts: of all tensors, as stored, in order; none gives no file.
  ///   - shardBytes: what a file may hold.
  ///   - namesSingleAlone: whether a single file has no number in its name, as `transformers` writes it.
  package init(stem: String, byteCounts: [Int], shardBytes: Int, namesSingleAlone: Bool = false) {
    precondition(shardBytes > 0, "shards of \(shardBytes) bytes")
    let ranges = ShardPlan.ranges(byteCounts, shardBytes)
    shards = ranges.enumerated().map { index, range in
      let isAlone = namesSingleAlone && ranges.count == 1
      let number = "-\(fiveDigits(index + 1))-of-\(fiveDigits(ranges.count))"
      return Shard(fileName: stem + (isAlone ? "" : number) + ".safetensors", tensors: range)
    }
  }

  private static func ranges(_ byteCounts: [Int], _ shardBytes: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    var filled = 0
    for (index, byteCount) in byteCounts.enumerated() {
      if index > start && filled + byteCount > shardBytes {
        ranges.append(start..<index)
        start = index
        filled = 0
      }
      filled += byteCount
    }
    return byteCounts.isEmpty ? [] : ranges + [start..<byteCounts.count]
  }
}

private func fiveDigits(_ number: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
}

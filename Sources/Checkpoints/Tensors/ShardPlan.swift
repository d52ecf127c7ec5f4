internal import JSON

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

/// Which file of a sharded set holds which tensor: `model.safetensors.index.json`.
struct ShardIndex: Hashable, Sendable {
  /// Bytes of all tensors.
  let totalBytes: Int
  /// File name of each tensor.
  let files: [String: String]

  static func fileName(stem: String) -> String { "\(stem).safetensors.index.json" }

  init(totalBytes: Int, files: [String: String]) {
    self.totalBytes = totalBytes
    self.files = files
  }

  /// - Throws: ``CheckpointError`` also for a file name that leads out of the directory.
  init(reading path: String, disk: Disk) throws(CheckpointError) {
    self = try readJSON(path, disk: disk) { value throws(JSONError) in
      let map = try JSONReader(value, path: "").section("weight_map", isRequired: true)
      var files: [String: String] = [:]
      for name in try map.keys() {
        let file = try map.value(name)
        guard let text = file.textValue, isPlainName(text) else {
          throw map.invalid(name, found: file.excerpt, allowed: "a file's name")
        }
        files[name] = text
      }
      // Writers differ in what they count here, and nothing depends on it.
      return ShardIndex(totalBytes: value["metadata"]?["total_size"]?.integerValue ?? 0, files: files)
    }
  }

  var text: String {
    let map = files.sorted { $0.key < $1.key }.map { JSONValue.Entry(key: $0.key, value: .text($0.value)) }
    let value: JSONValue = ["metadata": ["total_size": .integer(totalBytes)], "weight_map": .mapping(map)]
    return value.json(pretty: true) + "\n"
  }
}

/// Whether `name` names something directly in a directory.
func isPlainName(_ name: String) -> Bool {
  !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
}

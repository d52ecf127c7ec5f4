internal import Settings

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
    let value = try readJSON(path, disk: disk)
    var fields = try JSONFields(value, path: path)
    var files: [String: String] = [:]
    for entry in try fields.entries("weight_map") {
      guard case .text(let file) = entry.value, isPlainName(file) else {
        throw .malformed(
          path: path, what: "key weight_map.\(entry.key)", found: shortJSON(entry.value), allowed: "a file's name")
      }
      files[entry.key] = file
    }
    // Writers differ in what they count here, and nothing depends on it.
    totalBytes = value["metadata"]?["total_size"]?.integerValue ?? 0
    self.files = files
  }

  var text: String {
    let map = files.sorted { $0.key < $1.key }.map { Setting.Entry(key: $0.key, value: .text($0.value)) }
    let value: Setting = ["metadata": ["total_size": .integer(totalBytes)], "weight_map": .mapping(map)]
    return value.json(pretty: true) + "\n"
  }
}

/// Whether `name` names something directly in a directory.
func isPlainName(_ name: String) -> Bool {
  !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
}

internal import Glibc
internal import JSON

/// A checkpoint directory being written: each file lasts when its call returns, the directory once finished.
struct DirectoryWriter {
  let path: String
  private let disk: Disk
  private var files: [FileRecord] = []

  /// Makes the directory, which must not be there.
  init(creating path: String, disk: Disk) throws(CheckpointError) {
    try disk.makeDirectory(path)
    self.path = path
    self.disk = disk
  }

  mutating func write(_ text: String, as name: String) throws(CheckpointError) {
    try write(Array(text.utf8), as: name)
  }

  mutating func write(_ bytes: [UInt8], as name: String) throws(CheckpointError) {
    guard isPlainName(name) else {
      throw .malformed(path: path, what: "name of a file", found: name, allowed: "a name without '/'")
    }
    var sink = try FileSink(path: path + "/" + name, disk: disk)
    try sink.append(bytes)
    files.append(try sink.finish())
  }

  mutating func writeModel(_ config: JSONValue, generation: JSONValue?) throws(CheckpointError) {
    try write(config.json(pretty: true) + "\n", as: "config.json")
    if let generation { try write(generation.json(pretty: true) + "\n", as: "generation_config.json") }
  }

  mutating func write(_ extraFiles: [String: [UInt8]]) throws(CheckpointError) {
    for (name, bytes) in extraFiles.sorted(by: { $0.key < $1.key }) { try write(bytes, as: name) }
  }

  /// Writes tensors as shards with their index.
  ///
  /// - Parameter namesSingleAlone: whether a single shard has no number in its name and no index.
  mutating func write(
    _ tensors: [NamedTensor], stem: String, shardBytes: Int, namesSingleAlone: Bool = false
  ) throws(CheckpointError) {
    precondition(Set(tensors.map(\.name)).count == tensors.count, "\(stem): two tensors of one name")
    let byteCounts = tensors.map(\.storedByteCount)
    let plan = ShardPlan(
      stem: stem, byteCounts: byteCounts, shardBytes: shardBytes, namesSingleAlone: namesSingleAlone)
    let writer = SafetensorsWriter(disk: disk)
    var fileNames: [String: String] = [:]
    for shard in plan.shards {
      let members = Array(tensors[shard.tensors])
      files.append(try writer.write(members, to: path + "/" + shard.fileName))
      for tensor in members { fileNames[tensor.name] = shard.fileName }
    }
    if namesSingleAlone && plan.shards.count == 1 { return }
    let index = ShardIndex(totalBytes: byteCounts.reduce(0, +), files: fileNames)
    try write(index.text, as: ShardIndex.fileName(stem: stem))
  }

  /// Writes the manifest and makes the directory's entries last.
  consuming func finish(as program: ProgramVersion) throws(CheckpointError) -> Manifest {
    let manifest = Manifest(program: program, files: files)
    var sink = try FileSink(path: path + "/" + Manifest.fileName, disk: disk)
    try sink.append(Array(manifest.text.utf8))
    _ = try sink.finish()
    try disk.synchronizeDirectory(path)
    return manifest
  }
}

/// The name of something that is being written or removed, such as `.step-00001000.writing-4711`. It says who does it.
struct TemporaryName: Hashable {
  enum Purpose: String, CaseIterable {
    case writing
    case removing
  }

  let purpose: Purpose
  let process: Int32
  let text: String

  /// The name under which this process works on `name`.
  init(_ name: String, _ purpose: Purpose) {
    self.purpose = purpose
    process = getpid()
    text = ".\(name).\(purpose.rawValue)-\(process)"
  }

  /// The temporary name that `text` is; nil if it is none.
  init?(reading text: String) {
    guard text.hasPrefix("."), let dash = text.lastIndex(of: "-"), let dot = text[..<dash].lastIndex(of: "."),
      let purpose = Purpose(rawValue: String(text[text.index(after: dot)..<dash])),
      let process = Int32(text[text.index(after: dash)...]), process > 0
    else { return nil }
    self.purpose = purpose
    self.process = process
    self.text = text
  }

  /// Whether nobody works under this name. This process itself does one thing after the other, so at the start of one
  /// what has its number is left over, too: numbers come back, in containers above all.
  var isStale: Bool {
    process == getpid() || (kill(process, 0) != 0 && errno == ESRCH)
  }
}

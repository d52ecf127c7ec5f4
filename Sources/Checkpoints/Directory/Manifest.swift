internal import JSON

/// What a checkpoint directory must hold, file by file: `manifest.json`, written last.
///
/// The digest is the SHA-256 of the manifest's own compact JSON (`JSONValue.json(pretty: false)`: keys in the order
/// `format_version`, `program`, `program_version`, `files`, the files sorted by name) without the key `digest`. A
/// manifest that differs in a single byte from what this program writes for the same values is refused, so that spaces
/// are covered too.
package struct Manifest: Hashable, Sendable {
  package static let fileName = "manifest.json"
  package static let formatVersion = 1

  package let program: ProgramVersion
  /// Sorted by name, without the manifest itself.
  package let files: [FileRecord]
  /// Digest of the manifest itself.
  package let digest: String

  package init(program: ProgramVersion, files: [FileRecord]) {
    self.program = program
    self.files = files.sorted { $0.name < $1.name }
    digest = Digest.sha256(of: Manifest.content(program, self.files).json(pretty: false))
  }

  /// Reads the manifest of a directory and checks it against itself.
  package init(readingFrom directory: String) throws(CheckpointError) {
    let path = directory + "/" + Manifest.fileName
    let bytes = try Disk.real.readFile(path)
    let (manifest, recorded) = try reading(path) { () throws(JSONError) in
      try Manifest.read(JSONReader(try JSONValue(json: bytes, source: path), path: ""))
    }
    self = manifest
    guard recorded == digest else {
      throw .damaged(path: path, what: "SHA-256 of the manifest", found: digest, recorded: recorded)
    }
    guard bytes == Array(text.utf8) else {
      throw .malformed(
        path: path, what: "content", found: "another layout of the JSON", allowed: "the layout as written")
    }
  }

  /// The content of `manifest.json`.
  package var text: String {
    guard case .mapping(let entries) = Manifest.content(program, files) else { return "" }
    return JSONValue.mapping(entries + [.init(key: "digest", value: .text(digest))]).json(pretty: true) + "\n"
  }

  private static func content(_ program: ProgramVersion, _ files: [FileRecord]) -> JSONValue {
    let records = files.map { file -> JSONValue in
      ["name": .text(file.name), "size": .integer(file.byteCount), "sha256": .text(file.sha256)]
    }
    return [
      "format_version": .integer(formatVersion), "program": .text(program.name),
      "program_version": .text(program.version), "files": .list(records),
    ]
  }

  /// A manifest, and the digest that its file names.
  private static func read(_ reader: JSONReader) throws(JSONError) -> (Manifest, digest: String) {
    _ = try reader.integer("format_version", in: formatVersion...formatVersion)
    let program = ProgramVersion(name: try reader.text("program"), version: try reader.text("program_version"))
    let files = try reader.list("files").enumerated().map { index, element throws(JSONError) in
      try record(JSONReader(element, path: "files[\(index)]"))
    }
    let digest = try reader.text("digest")
    try reader.finish()
    return (Manifest(program: program, files: files), digest)
  }

  private static func record(_ reader: JSONReader) throws(JSONError) -> FileRecord {
    let name = try reader.text("name")
    guard isPlainName(name), name != fileName else {
      throw reader.invalid("name", found: name, allowed: "the name of another file of this directory")
    }
    let record = FileRecord(name: name, byteCount: try reader.integer("size"), sha256: try reader.text("sha256"))
    try reader.finish()
    return record
  }
}

extension Manifest {
  /// Checks every file of a directory against its manifest, sizes first and contents then.
  ///
  /// - Returns: the manifest, and the names of files that it does not know.
  /// - Throws: ``CheckpointError`` naming the first file that is missing, has another size or another content, or that
  ///   is named like a shard and unknown.
  package static func verify(
    directory: String
  ) throws(CheckpointError) -> (manifest: Manifest, unknownFiles: [String]) {
    let (manifest, unknown) = try verifySizes(directory: directory)
    for file in manifest.files {
      let path = directory + "/" + file.name
      let (sum, byteCount) = try Digest.sha256(ofFile: path, disk: .real)
      try manifest.checkSize(byteCount, of: file, path: path)
      guard sum == file.sha256 else {
        throw .damaged(path: path, what: "SHA-256", found: sum, recorded: file.sha256)
      }
    }
    return (manifest, unknown)
  }

  /// Checks names and sizes against the manifest, without reading the files.
  static func verifySizes(
    directory: String
  ) throws(CheckpointError) -> (manifest: Manifest, unknownFiles: [String]) {
    let manifest = try Manifest(readingFrom: directory)
    for file in manifest.files {
      let path = directory + "/" + file.name
      try manifest.checkSize(try Disk.real.byteCount(of: path), of: file, path: path)
    }
    let known = Set(manifest.files.map(\.name) + [Manifest.fileName])
    let unknown = try Disk.real.names(in: directory).filter { !known.contains($0) }
    if let shard = unknown.first(where: { $0.hasSuffix(".safetensors") }) {
      throw .unexpected(path: directory + "/" + shard, allowed: "only the shards that \(Manifest.fileName) lists")
    }
    return (manifest, unknown)
  }

  private func checkSize(_ found: Int, of file: FileRecord, path: String) throws(CheckpointError) {
    guard found == file.byteCount else {
      throw .damaged(path: path, what: "size", found: "\(found)", recorded: "\(file.byteCount)")
    }
  }
}

/// A file as it was written: what a manifest knows about it.
package struct FileRecord: Hashable, Sendable {
  /// Name within the directory.
  package let name: String
  package let byteCount: Int
  /// SHA-256 of the content, in lower-case hexadecimal digits.
  package let sha256: String
}

/// The program that writes a checkpoint, as its manifest records it.
package struct ProgramVersion: Hashable, Sendable {
  package static let current = ProgramVersion(name: "catlm", version: "0.1.0")

  package let name: String
  package let version: String

  package init(name: String, version: String) {
    self.name = name
    self.version = version
  }
}

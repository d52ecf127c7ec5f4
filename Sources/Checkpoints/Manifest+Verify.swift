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

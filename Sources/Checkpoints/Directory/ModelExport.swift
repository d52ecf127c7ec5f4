package import JSON

/// A model to be written as a Hugging Face directory, without what training needs.
package struct ModelExport {
  /// Becomes `config.json`.
  package var config: JSONValue
  /// Becomes `generation_config.json`.
  package var generationConfig: JSONValue?
  package var weights: [NamedTensor]
  /// Content of further files by name, such as a tokenizer's.
  package var extraFiles: [String: [UInt8]]

  package init(
    config: JSONValue, generationConfig: JSONValue? = nil, weights: [NamedTensor], extraFiles: [String: [UInt8]] = [:]
  ) {
    self.config = config
    self.generationConfig = generationConfig
    self.weights = weights
    self.extraFiles = extraFiles
  }

  /// Writes the directory, whole or not at all. Weights that fit one file become `model.safetensors`.
  ///
  /// - Parameters:
  ///   - path: a directory that is not there yet; those above it are made.
  ///   - shardBytes: bytes of tensors that a file may hold.
  package func write(
    to path: String, shardBytes: Int, program: ProgramVersion = .current, disk: Disk = .real
  ) throws(CheckpointError) {
    guard !disk.exists(path) else {
      throw .malformed(
        path: path, what: "directory to write the model to", found: "something there", allowed: "a new directory")
    }
    let parent = parentPath(path)
    try disk.makeDirectories(parent)
    let temporary = TemporaryName(lastPart(path), .writing)
    let place = parent + "/" + temporary.text
    if disk.exists(place) { try disk.removeTree(place) }
    do {
      try writeFiles(to: place, shardBytes, program, disk)
      try disk.rename(place, to: path)
    } catch {
      try? disk.removeTree(place)
      throw error
    }
    try disk.synchronizeDirectory(parent)
  }

  private func writeFiles(
    to path: String, _ shardBytes: Int, _ program: ProgramVersion, _ disk: Disk
  ) throws(CheckpointError) {
    var writer = try DirectoryWriter(creating: path, disk: disk)
    try writer.writeModel(config, generation: generationConfig)
    try writer.write(weights, stem: "model", shardBytes: shardBytes, namesSingleAlone: true)
    try writer.write(extraFiles)
    _ = try writer.finish(as: program)
  }
}

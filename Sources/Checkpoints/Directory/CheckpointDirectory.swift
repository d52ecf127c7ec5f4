package import JSON

/// A checkpoint or a plain Hugging Face model directory, opened for reading.
package final class CheckpointDirectory {
  /// The file that keeps the resolved configuration of the run that wrote the checkpoint.
  package static let runConfigName = "run.yaml"

  package let path: String
  /// Content of `config.json`.
  package let config: JSONValue
  package let weights: TensorCollection
  /// Moments of the optimizer; nil where there are none.
  package let optimizer: TensorCollection?
  /// Nil for a model that was not written by a training run.
  package let state: TrainerState?
  /// Nil if the directory was not verified.
  package let manifest: Manifest?
  /// Files that the manifest does not know, to be reported.
  package let unknownFiles: [String]
  /// Keeps the directory from being removed while this object lives.
  private let mark: ReadMark?

  /// Opens a directory whose manifest verifies, every byte of it.
  ///
  /// - Throws: ``CheckpointError`` naming the first file that is missing, damaged or too many.
  package convenience init(verifying path: String) throws(CheckpointError) {
    let mark = try ReadMark(directory: path)
    let (manifest, unknownFiles) = try Manifest.verify(directory: path)
    try self.init(path, manifest, unknownFiles, mark)
  }

  /// Opens a directory that another process has verified: the manifest must be the one of that digest, and all sizes
  /// as it says.
  package convenience init(verifiedElsewhere path: String, digest: String) throws(CheckpointError) {
    let mark = try ReadMark(directory: path)
    let (manifest, unknownFiles) = try Manifest.verifySizes(directory: path)
    guard manifest.digest == digest else {
      throw .damaged(
        path: path + "/" + Manifest.fileName, what: "digest", found: manifest.digest, recorded: digest + " elsewhere")
    }
    try self.init(path, manifest, unknownFiles, mark)
  }

  /// Opens a directory as it is: `config.json`, and `model.safetensors` or shards with their index.
  package convenience init(unverified path: String) throws(CheckpointError) {
    try self.init(path, nil, [], nil)
  }

  private init(
    _ path: String, _ manifest: Manifest?, _ unknownFiles: [String], _ mark: consuming ReadMark?
  ) throws(CheckpointError) {
    self.mark = mark
    self.path = path
    self.manifest = manifest
    self.unknownFiles = unknownFiles
    config = try readJSON(path + "/config.json", disk: .real) { $0 }
    guard let weights = try CheckpointDirectory.tensors(stem: "model", in: path) else {
      throw .missing(path: path, what: "model.safetensors or \(ShardIndex.fileName(stem: "model"))")
    }
    self.weights = weights
    optimizer = try CheckpointDirectory.tensors(stem: "optimizer", in: path)
    let statePath = path + "/" + TrainerState.fileName
    state = Disk.real.exists(statePath) ? try TrainerState(reading: statePath) : nil
  }

  /// The whole file is taken before the index, as `transformers` does.
  private static func tensors(stem: String, in path: String) throws(CheckpointError) -> TensorCollection? {
    let whole = path + "/\(stem).safetensors"
    if Disk.real.exists(whole) { return try TensorCollection(file: whole) }
    let index = path + "/" + ShardIndex.fileName(stem: stem)
    return Disk.real.exists(index) ? try TensorCollection(index: index) : nil
  }
}

/// What a checkpoint holds, to be written.
package struct CheckpointContents {
  /// Becomes `config.json`.
  package var modelConfig: JSONValue
  /// Becomes `generation_config.json`.
  package var generationConfig: JSONValue?
  package var weights: [NamedTensor]
  /// Moments of the optimizer; none for a model that is not trained on.
  package var optimizer: [NamedTensor]
  /// Becomes `trainer_state.json`.
  package var state: TrainerState
  /// Content of further files by name, such as a tokenizer's.
  package var extraFiles: [String: [UInt8]]

  package init(
    modelConfig: JSONValue, generationConfig: JSONValue? = nil, weights: [NamedTensor], optimizer: [NamedTensor] = [],
    state: TrainerState, extraFiles: [String: [UInt8]] = [:]
  ) {
    self.modelConfig = modelConfig
    self.generationConfig = generationConfig
    self.weights = weights
    self.optimizer = optimizer
    self.state = state
    self.extraFiles = extraFiles
  }
}

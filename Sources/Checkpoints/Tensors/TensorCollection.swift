/// The tensors of one safetensors file or of a set of shards, looked up by name.
package final class TensorCollection {
  /// In the order of the files and of their data.
  package let names: [String]
  private let files: [SafetensorsFile]
  private let places: [String: Int]

  /// All tensors of one file.
  package convenience init(file path: String) throws(CheckpointError) {
    try self.init([SafetensorsFile(path: path)])
  }

  /// All tensors of the shards that an index names.
  ///
  /// - Throws: ``CheckpointError`` if a shard does not open, if two hold a tensor of one name, or if index and shards
  ///   disagree on what is where.
  convenience init(index path: String) throws(CheckpointError) {
    let index = try ShardIndex(reading: path, disk: .real)
    let directory = parentPath(path)
    var files: [SafetensorsFile] = []
    for name in Set(index.files.values).sorted() {
      files.append(try SafetensorsFile(path: directory + "/" + name))
    }
    try self.init(files)
    for name in index.files.keys.sorted() where places[name] == nil {
      let shard = directory + "/" + (index.files[name] ?? "")
      throw .missing(path: shard, what: "tensor \(name), which \(lastPart(path)) names,")
    }
    for name in names {
      let found = lastPart(file(name)?.path ?? "")
      guard let expected = index.files[name], expected == found else {
        throw .malformed(
          path: path, what: "file of tensor \(name)", found: index.files[name] ?? "no entry",
          allowed: "\(found), which holds it")
      }
    }
  }

  private init(_ files: [SafetensorsFile]) throws(CheckpointError) {
    var names: [String] = []
    var places: [String: Int] = [:]
    for (index, file) in files.enumerated() {
      for tensor in file.tensors {
        if let other = places.updateValue(index, forKey: tensor.name) {
          throw .malformed(
            path: file.path, what: "tensor \(tensor.name)", found: "also in \(lastPart(files[other].path))",
            allowed: "in one shard")
        }
        names.append(tensor.name)
      }
    }
    self.names = names
    self.files = files
    self.places = places
  }

  /// Type, shape and place of a tensor; nil if there is none of that name.
  package func info(_ name: String) -> TensorInfo? {
    file(name)?.info(name)
  }

  /// The elements of a floating-point tensor, rounded to single precision.
  package func floats(_ name: String) throws(CheckpointError) -> [Float] {
    try known(name).floats(name)
  }

  /// The elements of an integer tensor.
  package func integers(_ name: String) throws(CheckpointError) -> [Int64] {
    try known(name).integers(name)
  }

  /// Copies the elements of a floating-point tensor, rounded to single precision.
  ///
  /// - Throws: ``CheckpointError`` if there is no such tensor or `target` has not as many elements.
  package func copyFloats(of name: String, to target: UnsafeMutableBufferPointer<Float>) throws(CheckpointError) {
    unsafe try known(name).copyFloats(of: name, to: target)
  }

  /// Copies a tensor's bytes as they are stored.
  ///
  /// - Throws: ``CheckpointError`` if there is no such tensor or `target` has not as many bytes.
  package func copyBytes(of name: String, to target: UnsafeMutableRawBufferPointer) throws(CheckpointError) {
    unsafe try known(name).copyBytes(of: name, to: target)
  }

  /// The file that holds a tensor; nil if none does.
  package func file(_ name: String) -> SafetensorsFile? {
    places[name].map { files[$0] }
  }

  private func known(_ name: String) throws(CheckpointError) -> SafetensorsFile {
    if let file = file(name) { return file }
    let place = files.count == 1 ? files[0].path : files.first.map { parentPath($0.path) } ?? "the checkpoint"
    throw .missing(path: place, what: "tensor \(name)")
  }
}

package import Checkpoints
package import Models
package import TensorCore

extension CheckpointDirectory {
  /// The model that the checkpoint holds, with its weights.
  ///
  /// - Parameter isTrained: whether there is memory for gradients.
  package func makeModel(isTrained: Bool = false, backend: any Backend) throws -> any LanguageModel {
    let source = try ModelSource(self)
    let model = source.config.makeModel(isTrained: isTrained, backend: backend)
    try source.load(into: model.parameters, backend: backend)
    return model
  }
}

extension TensorCollection {
  /// Fills a flat buffer laid out like `layout` from tensors called `prefix` + the parameter's name.
  package func copy(to flat: Tensor, layout: ParameterStore, prefix: String = "", path: String) throws {
    for (spec, range) in zip(layout.specs, layout.ranges) {
      let name = prefix + spec.name
      try require(name, shape: spec.shape, path: path)
      try copyFloats(of: name, to: flat.rows(range))
    }
  }

  /// Fills a tensor with as many floating-point elements, rounded to single precision.
  func copyFloats(of name: String, to target: Tensor) throws {
    try unsafe target.withWriteView { bytes in
      try unsafe copyFloats(of: name, to: bytes.bindMemory(to: Float.self))
    }
  }

  /// - Throws: ``ModelIOError`` if there is no tensor of that name and shape.
  package func require(_ name: String, shape: [Int], path: String) throws(ModelIOError) {
    guard let info = info(name), info.shape == shape else {
      let found = info(name).map { "\($0.shape)" } ?? "absent"
      throw .tensors(path: path, problems: ["\(name) is \(found), the model needs \(shape)"])
    }
  }
}

extension ParameterStore {
  /// The parts of a flat buffer under their names, for writing; `bytes` must outlive the result.
  package func named(
    _ bytes: UnsafeRawBufferPointer, prefix: String = "", storedAs type: ElementType = .float32
  ) -> [NamedTensor] {
    zip(specs, ranges).map { spec, range in
      let size = DType.float32.byteCount
      return unsafe NamedTensor(
        name: prefix + spec.name, type: .float32, shape: spec.shape,
        bytes: unsafe UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound * size..<range.upperBound * size]),
        storedAs: type)
    }
  }
}

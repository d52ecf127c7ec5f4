internal import Glibc
internal import MappedFiles

/// A safetensors file, mapped into memory and read only. Nothing but a whole and well-formed file opens.
///
/// - Source: the format description of `safetensors`; headers may be unsorted and unpadded.
package final class SafetensorsFile {
  package let path: String
  /// In the order of their data.
  package let tensors: [TensorInfo]
  package let metadata: [String: String]

  private let file: MappedFile
  private let places: [String: Int]

  /// - Throws: ``CheckpointError`` naming what breaks the format: the length or form of the header, duplicate keys,
  ///   unknown types, shapes, offsets, overlaps, holes, a wrong size.
  package init(path: String) throws(CheckpointError) {
    let file = try MappedFile(safetensors: path)
    let header = unsafe try SafetensorsHeader(file.bytes, path: path)
    self.path = path
    self.file = file
    self.tensors = header.tensors
    self.metadata = header.metadata
    self.places = Dictionary(uniqueKeysWithValues: header.tensors.enumerated().map { ($1.name, $0) })
  }

  /// Type, shape and place of a tensor; nil if the file has none of that name.
  package func info(_ name: String) -> TensorInfo? {
    places[name].map { tensors[$0] }
  }

  /// The elements of a floating-point tensor, rounded to single precision.
  package func floats(_ name: String) throws(CheckpointError) -> [Float] {
    let info = try known(name)
    try checkType(of: info, .float32, .float64, .float16, .bfloat16)
    return unsafe [Float](unsafeUninitializedCapacity: info.elementCount) { buffer, count in
      let target = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<info.elementCount])
      unsafe convertFloats(elements(info), info.type, to: target)
      count = info.elementCount
    }
  }

  /// The elements of an integer tensor.
  package func integers(_ name: String) throws(CheckpointError) -> [Int64] {
    let info = try known(name)
    try checkType(of: info, .int64, .int32, .int16, .int8, .uint8, .bool)
    return unsafe convertedIntegers(elements(info), info.type)
  }

  /// Copies a tensor's bytes as they are stored, and gives the memory of the mapped ones back.
  ///
  /// - Throws: ``CheckpointError`` if `target` has not as many bytes.
  package func copyBytes(of name: String, to target: UnsafeMutableRawBufferPointer) throws(CheckpointError) {
    let info = try known(name)
    guard target.count == info.byteRange.count else {
      throw .malformed(
        path: path, what: "tensor \(name)", found: "\(info.byteRange.count) bytes", allowed: "\(target.count) bytes")
    }
    unsafe target.copyMemory(from: elements(info))
    file.release(info.byteRange)
  }

  /// Copies the elements of a floating-point tensor, rounded to single precision, and gives the memory of the mapped
  /// ones back: loading a model takes its own size and the tensor that is being copied.
  ///
  /// - Throws: ``CheckpointError`` if `target` has not as many elements.
  package func copyFloats(of name: String, to target: UnsafeMutableBufferPointer<Float>) throws(CheckpointError) {
    let info = try known(name)
    try checkType(of: info, .float32, .float64, .float16, .bfloat16)
    guard target.count == info.elementCount else {
      throw .malformed(
        path: path, what: "tensor \(name)", found: "\(info.elementCount) elements of shape \(info.shape)",
        allowed: "\(target.count) elements")
    }
    unsafe convertFloats(elements(info), info.type, to: target)
    file.release(info.byteRange)
  }

  /// Lends a tensor's bytes as they are stored; the memory of the mapped ones goes back to the system afterwards.
  func withBytes<Result>(of info: TensorInfo, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    defer { file.release(info.byteRange) }
    return unsafe body(elements(info))
  }

  private func known(_ name: String) throws(CheckpointError) -> TensorInfo {
    guard let info = info(name) else { throw .missing(path: path, what: "tensor \(name)") }
    return info
  }

  private func checkType(of info: TensorInfo, _ allowed: ElementType...) throws(CheckpointError) {
    guard allowed.contains(info.type) else {
      throw .malformed(
        path: path, what: "type of tensor \(info.name)", found: info.type.rawValue,
        allowed: allowed.map(\.rawValue).joined(separator: ", "))
    }
  }

  private func elements(_ info: TensorInfo) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(rebasing: file.bytes[info.byteRange])
  }
}

extension MappedFile {
  fileprivate convenience init(safetensors path: String) throws(CheckpointError) {
    do {
      try self.init(path: path)
    } catch {
      switch error {
      case .system("open", ENOENT): throw .missing(path: path, what: "the file")
      case .system(let call, let code): throw .system(call: call, path: path, code: code)
      case .notRegular:
        throw .malformed(path: path, what: "kind of file", found: "no regular file", allowed: "a regular file")
      }
    }
  }
}

internal import JSON

/// Writes tensors as one safetensors file: sorted by alignment and then name, the header padded to a multiple of 8.
package struct SafetensorsWriter {
  private let disk: Disk

  package init(disk: Disk = .real) {
    self.disk = disk
  }

  /// Writes a file that lasts when this returns.
  ///
  /// - Parameter path: a file that is not there yet.
  package func write(_ tensors: [NamedTensor], to path: String) throws(CheckpointError) -> FileRecord {
    let sorted = tensors.sorted(by: SafetensorsWriter.comesBefore)
    var sink = try FileSink(path: path, disk: disk)
    try sink.append(SafetensorsWriter.header(of: sorted))
    for tensor in sorted { try SafetensorsWriter.append(tensor, to: &sink) }
    return try sink.finish()
  }

  private static func comesBefore(_ a: NamedTensor, _ b: NamedTensor) -> Bool {
    let (aSize, bSize) = (a.storedType.byteCount, b.storedType.byteCount)
    return aSize == bSize ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8) : aSize > bSize
  }

  /// Length and JSON of the header.
  private static func header(of tensors: [NamedTensor]) -> [UInt8] {
    var entries: [JSONValue.Entry] = [.init(key: "__metadata__", value: ["format": "pt"])]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.storedByteCount
      let value: JSONValue = [
        "dtype": .text(tensor.storedType.rawValue), "shape": .list(tensor.shape.map(JSONValue.integer)),
        "data_offsets": [.integer(offset), .integer(end)],
      ]
      entries.append(.init(key: tensor.name, value: value))
      offset = end
    }
    var json = Array(JSONValue.mapping(entries).json(pretty: false).utf8)
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    let length = UInt64(json.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
  }

  private static func append(_ tensor: NamedTensor, to sink: inout FileSink) throws(CheckpointError) {
    if case .memory(let bytes) = tensor.source, tensor.storedType == tensor.type {
      return unsafe try sink.append(bytes)
    }
    let piece = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(tensor.byteCount, NamedTensor.pieceBytes), alignment: 64)
    defer { unsafe piece.deallocate() }
    for start in stride(from: 0, to: tensor.byteCount, by: NamedTensor.pieceBytes) {
      let count = min(NamedTensor.pieceBytes, tensor.byteCount - start)
      let bytes = unsafe try read(tensor, start, into: UnsafeMutableRawBufferPointer(rebasing: piece[..<count]))
      if tensor.storedType == tensor.type {
        unsafe try sink.append(bytes)
      } else {
        try sink.append(unsafe halfBytes(of: bytes, as: tensor.storedType))
      }
    }
  }

  /// The bytes of a tensor from `start` on: as many as `target` has, there or where they are anyway.
  private static func read(
    _ tensor: NamedTensor, _ start: Int, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) -> UnsafeRawBufferPointer {
    switch tensor.source {
    case .memory(let bytes):
      return unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + target.count])
    case .pieces(let fill):
      do {
        unsafe try fill(target, start)
      } catch {
        throw .source(tensor: tensor.name, reason: "\(error)")
      }
      return UnsafeRawBufferPointer(target)
    }
  }
}

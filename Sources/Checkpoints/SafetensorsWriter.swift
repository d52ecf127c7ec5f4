internal import Settings

/// Writes tensors as one safetensors file: sorted by alignment and then name, the header padded to a multiple of 8.
package struct SafetensorsWriter {
  /// Elements that are converted at a time where the stored type is another.
  private static let partElements = 1 << 18

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
    var entries: [Setting.Entry] = [.init(key: "__metadata__", value: ["format": "pt"])]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.storedByteCount
      let value: Setting = [
        "dtype": .text(tensor.storedType.rawValue), "shape": .list(tensor.shape.map(Setting.integer)),
        "data_offsets": [.integer(offset), .integer(end)],
      ]
      entries.append(.init(key: tensor.name, value: value))
      offset = end
    }
    var json = Array(Setting.mapping(entries).json(pretty: false).utf8)
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    let length = UInt64(json.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
  }

  private static func append(_ tensor: NamedTensor, to sink: inout FileSink) throws(CheckpointError) {
    let bytes = unsafe tensor.bytes
    guard tensor.storedType != tensor.type else { return unsafe try sink.append(bytes) }
    let partBytes = partElements * tensor.type.byteCount
    for start in stride(from: 0, to: bytes.count, by: partBytes) {
      let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + partBytes, bytes.count)])
      try sink.append(unsafe halfBytes(of: part, as: tensor.storedType))
    }
  }
}

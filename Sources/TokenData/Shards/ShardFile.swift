internal import Foundation

/// One shard that is being written under a temporary name. If it goes without ``commit()``, it leaves nothing.
final class ShardFile {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private let vocabularySize: Int
  private let idByteCount: Int
  private var buffer: [UInt8] = []
  private(set) var count = 0
  /// Where documents begin, in ids; nil if nobody keeps them.
  private var documentStarts: [Int]?

  /// - Parameter keepsDocuments: whether the places where documents begin are written beside the shard.
  init(path: String, vocabularySize: Int, keepsDocuments: Bool = false) throws(TokenError) {
    let temporaryPath = "\(path).\(getpid()).tmp"
    let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system(path, allowed: "a place to write") }
    self.path = path
    self.temporaryPath = temporaryPath
    self.descriptor = descriptor
    self.vocabularySize = vocabularySize
    self.idByteCount = vocabularySize <= 65536 ? 2 : 4
    documentStarts = keepsDocuments ? [] : nil
    // The number of ids is written last.
    self.buffer = Array(repeating: 0, count: BinHeader.byteCount)
    TemporaryFiles.add(temporaryPath)
  }

  deinit {
    close(descriptor)
    unlink(temporaryPath)  // gone already after a commit
    TemporaryFiles.remove(temporaryPath)
  }

  /// Ids that are checked and written at a time: they stay in a core's own cache between the two.
  private static let blockCount = 1 << 13

  /// Adds ids, each checked against the vocabulary.
  func append(_ ids: ArraySlice<Int32>) throws(TokenError) {
    var rest = ids
    while !rest.isEmpty {
      let part = rest.prefix(Self.blockCount)
      if let id = firstOutside(part) {
        throw TokenError(file: path, found: "id \(id)", allowed: "0..<\(vocabularySize), the vocabulary")
      }
      if idByteCount == 2 { append(part, as: UInt16.self) } else { append(part, as: UInt32.self) }
      rest = rest.dropFirst(part.count)
      if buffer.count >= 1 << 20 { try flush() }
    }
    count += ids.count
  }

  // Pointers, for the compiler turns loops over these into vectors.

  /// An id that the vocabulary does not have; nil if there is none.
  private func firstOutside(_ ids: ArraySlice<Int32>) -> Int32? {
    var largest: UInt32 = 0
    unsafe ids.withUnsafeBufferPointer { ids in
      for index in 0..<ids.count { largest = max(largest, UInt32(bitPattern: unsafe ids[index])) }
    }
    return Int(largest) < vocabularySize ? nil : ids.first { $0 < 0 || Int($0) >= vocabularySize }
  }

  /// Adds the bytes of ids, smallest byte first.
  private func append<ID: FixedWidthInteger>(_ ids: ArraySlice<Int32>, as type: ID.Type) {
    let start = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: ids.count * MemoryLayout<ID>.size))
    unsafe buffer.withUnsafeMutableBytes { bytes in
      let target = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start...]).bindMemory(to: ID.self)
      unsafe ids.withUnsafeBufferPointer { ids in
        for index in 0..<ids.count { unsafe target[index] = ID(truncatingIfNeeded: ids[index]).littleEndian }
      }
    }
  }

  /// Notes that a document begins with the next id.
  func beginDocument() { documentStarts?.append(count) }

  /// Completes the file and gives it its name.
  func commit() throws(TokenError) {
    guard count <= Int(Int32.max) else {
      throw TokenError(file: path, found: "\(count) ids", allowed: "at most \(Int32.max) in a file")
    }
    try flush()
    buffer = BinHeader.bytes(idByteCount: idByteCount, count: count)
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw .system(path, allowed: "a place to write") }
    try flush()
    if let documentStarts { try DocumentIndex.write(documentStarts, besideShard: path) }
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw .system(path, allowed: "a place to write")
    }
  }

  private func flush() throws(TokenError) {
    var written = 0
    while written < buffer.count {
      let result = unsafe buffer.withUnsafeBytes { bytes in
        unsafe write(descriptor, bytes.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      if result < 0, errno == EINTR { continue }
      guard result > 0 else { throw .system(path, allowed: "a place to write") }
      written += result
    }
    buffer.removeAll(keepingCapacity: true)
  }
}

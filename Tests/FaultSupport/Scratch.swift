internal import Foundation

/// A directory of a test's own, removed with this object.
package final class Scratch {
  package let path: String

  /// - Parameter inMemory: whether it may be in the memory that the system has for files.
  package init(inMemory: Bool = true) throws {
    // Some tests make many thousand files.
    let shared = "/dev/shm"
    let isShared = inMemory && FileManager.default.isWritableFile(atPath: shared)
    path = (isShared ? shared : FileManager.default.temporaryDirectory.path) + "/catlm-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of a file of this directory.
  package func file(_ name: String) -> String { path + "/" + name }

  /// Writes `bytes` as a file of this directory and gives its path.
  @discardableResult
  package func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}

package func bytes(of path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

package func overwrite(_ path: String, _ bytes: [UInt8]) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

package func names(in path: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}

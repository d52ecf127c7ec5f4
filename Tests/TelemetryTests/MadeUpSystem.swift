import Foundation

/// A machine's files, made up, below a directory that is gone after the test.
final class MadeUpSystem {
  let root = FileManager.default.temporaryDirectory.appending(path: "system-\(UUID().uuidString)").path

  init(_ files: [String: String]) throws {
    for (path, content) in files {
      let url = URL(filePath: root + path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(content.utf8).write(to: url)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }
}

import Foundation

/// A picture or a page that a command writes, in the place of an older one of its kind and of nothing else.
enum PageFile {
  /// - Parameters:
  ///   - opening: what files of this kind begin with; a file that begins otherwise is left alone.
  ///   - sources: what the content was made of.
  /// - Throws: ``UserError``.
  static func write(_ content: String, to path: String, opening: String, sources: [String]) throws {
    let place = URL(filePath: path).resolvingSymlinksInPath().standardizedFileURL.path
    if let source = sources.first(where: {
      URL(filePath: $0).resolvingSymlinksInPath().standardizedFileURL.path == place
    }) {
      throw UserError("--output: found \(path), which \(source) is, allowed: another file than what is read")
    }
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
      guard !isDirectory.boolValue else { throw UserError("--output: found \(path), a directory, allowed: a file") }
      guard try isAlike(path, opening) else {
        throw UserError(
          "--output: found \(path), a file that does not begin with \(opening), allowed: a new file or one made like this"
        )
      }
    }
    do {
      try Data(content.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw UserError("\(path): cannot be written: \(error.localizedDescription)")
    }
  }

  /// Whether a file is of the kind, or holds nothing or is no regular file, such as `/dev/stdout`.
  private static func isAlike(_ path: String, _ opening: String) throws -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(
      atPath: URL(filePath: path).resolvingSymlinksInPath().path)
    guard attributes?[.type] as? FileAttributeType == .typeRegular, (attributes?[.size] as? Int) != 0 else {
      return true
    }
    guard let file = FileHandle(forReadingAtPath: path) else { throw UserError("\(path): cannot be read") }
    defer { try? file.close() }
    return try file.read(upToCount: opening.utf8.count) == Data(opening.utf8)
  }
}

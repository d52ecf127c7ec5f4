internal import Foundation

/// The files that a list of paths stands for.
package enum ShardPaths {
  /// The shards of `paths`, those of each path sorted by name.
  ///
  /// - Parameters:
  ///   - paths: each a file, a directory of `.bin` and `.npy` files, or a pattern with `*`.
  ///   - split: if a directory's files are named by split (`…_train_000000.bin`), only this one's count.
  /// - Throws: ``TokenError`` for a path that stands for no file.
  package static func expand(_ paths: [String], split: TokenSplit? = nil) throws(TokenError) -> [String] {
    var files: [String] = []
    for path in paths {
      files += path.contains("*") ? try matches(of: path) : try contents(of: path, split: split)
    }
    return files
  }

  /// The shards in a directory; the path itself if it is none.
  private static func contents(of path: String, split: TokenSplit?) throws(TokenError) -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      return [path]
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw TokenError(file: path, found: "\(error.localizedDescription)", allowed: "a readable directory")
    }
    let shards = names.filter { $0.hasSuffix(".bin") || $0.hasSuffix(".npy") }.sorted()
    guard !shards.isEmpty else {
      let others = names.isEmpty ? "an empty directory" : "a directory without token shards"
      throw TokenError(
        file: path, found: others, allowed: "at least one .bin or .npy file; catlm tokenize makes them of text")
    }
    let marked = shards.filter { name in TokenSplit.allCases.contains { name.contains("_\($0.rawValue)_") } }
    let chosen = split.map { split in marked.filter { $0.contains("_\(split.rawValue)_") } } ?? []
    if let split, !marked.isEmpty, chosen.isEmpty {
      throw TokenError(
        file: path, found: "\(marked.count) shards named for another split, such as \(marked[0])",
        allowed:
          "a shard with _\(split.rawValue)_ in its name: of a directory whose shards are named _train_ or _val_, "
          + "only the first are trained on and only the second measured on")
    }
    return (split == nil || marked.isEmpty ? shards : chosen).map { (path as NSString).appendingPathComponent($0) }
  }

  /// What tells a file from all others, whatever path leads to it; the path itself if there is no file.
  static func identity(of path: String) -> String {
    var status = stat()
    return stat(path, &status) == 0 ? "\(status.st_dev) \(status.st_ino)" : path
  }

  /// What the shell's pattern `pattern` matches, sorted.
  private static func matches(of pattern: String) throws(TokenError) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0 else {
      throw TokenError(file: pattern, found: "no file of that pattern", allowed: "at least one .bin or .npy file")
    }
    return (0..<Int(result.gl_pathc)).compactMap { index in
      unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
    }.sorted()
  }
}

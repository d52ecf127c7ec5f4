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
      let found = path.contains("*") ? matches(of: path) : try contents(of: path, split: split)
      guard !found.isEmpty else {
        throw TokenError(file: path, found: "no token shard", allowed: "at least one .bin or .npy file")
      }
      files += found
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
    let marked = shards.filter { name in TokenSplit.allCases.contains { name.contains("_\($0.rawValue)_") } }
    let chosen = split.map { split in marked.filter { $0.contains("_\(split.rawValue)_") } } ?? []
    return (split == nil || marked.isEmpty ? shards : chosen).map { (path as NSString).appendingPathComponent($0) }
  }

  /// What the shell's pattern `pattern` matches, sorted.
  private static func matches(of pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0 else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { index in
      unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
    }.sorted()
  }
}

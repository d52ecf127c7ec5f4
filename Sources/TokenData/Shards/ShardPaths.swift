internal import Foundation

/// The files that a list of paths stands for.
package enum ShardPaths {
  /// The shards of `paths`, those of each path sorted by name.
  ///
  /// - Parameters:
  ///   - paths: each a file, a directory of `.bin` and `.npy` files, a pattern with `*`, or the name that a `.bin` and its
  ///     `.idx` share.
  ///   - split: if a directory's files are named by split (`…_train_000000.bin`, `train.bin`), only this one's count.
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
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    guard exists, isDirectory.boolValue else { return [shard(path, exists: exists)] }
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
    let marked = shards.filter { name in TokenSplit.allCases.contains { $0.marks(name) } }
    let chosen = split.map { split in marked.filter(split.marks) } ?? []
    if let split, !marked.isEmpty, chosen.isEmpty {
      throw TokenError(
        file: path, found: "\(marked.count) shards named for another split, such as \(marked[0])",
        allowed:
          "a shard with _\(split.rawValue)_ in its name: of a directory whose shards are named _train_ or _val_ (or "
          + "train.bin and val.bin), only the first are trained on and only the second measured on")
    }
    return (split == nil || marked.isEmpty ? shards : chosen).map { (path as NSString).appendingPathComponent($0) }
  }

  /// The file of ids that a path means which is no directory: Megatron's users name the index, or what both are called.
  private static func shard(_ path: String, exists: Bool) -> String {
    if path.hasSuffix(".idx") { return path.dropLast(4) + ".bin" }
    return !exists && FileManager.default.fileExists(atPath: path + ".idx") ? path + ".bin" : path
  }

  /// What tells a file from all others, whatever path leads to it; the path itself if there is no file.
  static func identity(of path: String) -> String {
    var status = stat()
    return stat(path, &status) == 0 ? "\(status.st_dev) \(status.st_ino)" : path
  }

  /// What the shell's pattern `pattern` matches, sorted, without what only describes a shard.
  private static func matches(of pattern: String) throws(TokenError) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0 else {
      throw TokenError(file: pattern, found: "no file of that pattern", allowed: "at least one .bin or .npy file")
    }
    let paths = (0..<Int(result.gl_pathc)).compactMap { index in
      unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
    }
    let shards = paths.filter { !$0.hasSuffix(".documents") }.map { shard($0, exists: true) }
    guard !shards.isEmpty else {
      throw TokenError(
        file: pattern, found: "\(paths.count) files that only say where documents begin",
        allowed: "at least one .bin or .npy file")
    }
    return Set(shards).sorted()
  }
}

extension TokenSplit {
  /// Whether a file's name says that it belongs to this part.
  fileprivate func marks(_ name: String) -> Bool {
    name.contains("_\(rawValue)_") || name.hasPrefix(rawValue + ".")
  }
}

internal import Foundation

/// A file that texts are read from.
package struct CorpusFile: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    /// A text, perhaps of several documents.
    case text
    /// A JSON object a line, each with a document.
    case lines
  }

  /// `-` is standard input.
  package let path: String
  package let kind: Kind
  /// Bytes as they are stored; 0 for standard input and pipes.
  package let storedBytes: Int
  /// When the file was changed last, in seconds; 0 for standard input.
  package let changeTime: Int

  package var isStandardInput: Bool { path == "-" }

  /// Files of directories that count, apart from what compression adds to their names.
  private static let extensions: [String: Kind] = [
    "txt": .text, "text": .text, "md": .text, "jsonl": .lines, "ndjson": .lines,
  ]
  private static let compressions = ["gz", "zst"]

  /// The files that paths stand for: files themselves, all texts and JSON lines of directories with those inside of
  /// them, sorted by path, and what patterns with `*` match.
  ///
  /// - Parameter areLines: whether every file that is named itself holds JSON lines; else their names tell.
  package static func expand(_ paths: [String], areLines: Bool) throws(CorpusError) -> [CorpusFile] {
    var files: [CorpusFile] = []
    for path in paths {
      if path == "-" {
        files.append(CorpusFile(path: path, kind: areLines ? .lines : .text, storedBytes: 0, changeTime: 0))
        continue
      }
      let isThere = FileManager.default.fileExists(atPath: path)
      let found = isThere || !path.contains(where: { "*?[".contains($0) }) ? [path] : matches(of: path)
      guard !found.isEmpty else { throw CorpusError(path, found: "no file", allowed: "a pattern that matches some") }
      for path in found { files += try contents(of: path, areLines: areLines) }
    }
    return files
  }

  private static func contents(of path: String, areLines: Bool) throws(CorpusError) -> [CorpusFile] {
    var isDirectory: ObjCBool = false
    _ = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    guard isDirectory.boolValue else { return [try file(path, areLines ? .lines : kind(of: path) ?? .text)] }
    let inside = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    var files: [CorpusFile] = []
    for name in inside.sorted() where !name.split(separator: "/").contains(where: { $0.hasPrefix(".") }) {
      if let kind = kind(of: name) { files.append(try file((path as NSString).appendingPathComponent(name), kind)) }
    }
    guard !files.isEmpty else {
      throw CorpusError(
        path, found: "no text",
        allowed: "files that end in .txt, .text, .md, .jsonl or .ndjson, or these with .gz or .zst")
    }
    return files
  }

  private static func kind(of path: String) -> Kind? {
    var name = path as NSString
    if compressions.contains(name.pathExtension.lowercased()) { name = name.deletingPathExtension as NSString }
    return extensions[name.pathExtension.lowercased()]
  }

  private static func file(_ path: String, _ kind: Kind) throws(CorpusError) -> CorpusFile {
    var status = stat()
    guard unsafe stat(path, &status) == 0, unsafe access(path, R_OK) == 0 else {
      throw unsafe CorpusError(path, found: "“" + String(cString: strerror(errno)) + "”", allowed: "a readable file")
    }
    let isFile = status.st_mode & S_IFMT == S_IFREG
    return CorpusFile(
      path: path, kind: kind, storedBytes: isFile ? Int(status.st_size) : 0, changeTime: Int(status.st_mtim.tv_sec))
  }

  /// What the shell's pattern `pattern` matches, sorted.
  private static func matches(of pattern: String) -> [String] {
    var result = unsafe glob_t()
    defer { unsafe globfree(&result) }
    guard unsafe glob(pattern, 0, nil, &result) == 0 else { return [] }
    return unsafe (0..<Int(result.gl_pathc)).compactMap { index in
      unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
    }.sorted()
  }

  /// Bytes of the content, decompressed; reads all of a compressed file.
  package func contentBytes() throws(CorpusError) -> Int {
    let source = try ByteSources.open(path)
    if source is FileSource { return storedBytes }
    var count = 0
    var block: [UInt8] = []
    while try source.read(into: &block) {
      count += block.count
      block.removeAll(keepingCapacity: true)
    }
    return count
  }
}

/// The content of a file, block by block.
package struct BlockReader {
  private let source: any ByteSource

  /// - Parameter path: `-` is standard input.
  package init(_ path: String) throws(CorpusError) {
    source = try ByteSources.open(path)
  }

  /// Bytes of the file that were read so far, as they are stored.
  package var storedPosition: Int { source.storedPosition }

  /// Adds the next bytes to `buffer`; false at the end.
  package func read(into buffer: inout [UInt8]) throws(CorpusError) -> Bool {
    try source.read(into: &buffer)
  }
}

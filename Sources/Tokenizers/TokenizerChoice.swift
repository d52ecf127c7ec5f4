internal import Foundation
package import JSON

/// Which tokenizer the user named: bytes, or a file.
package enum TokenizerChoice: Hashable, Sendable {
  case bytes
  /// Path of a `tokenizer.json`, or of a directory that holds one.
  case file(String)

  package init(_ text: String) {
    self = text == "bytes" ? .bytes : .file(text)
  }

  /// The choice as it is written.
  package var text: String {
    switch self {
    case .bytes: "bytes"
    case .file(let path): path
    }
  }

  package func load() throws(JSONError) -> any Tokenizer {
    switch self {
    case .bytes: return ByteTokenizer()
    case .file(let path):
      var isDirectory: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      return try TokenizerFile.read(isDirectory.boolValue ? path + "/" + TokenizerFile.name : path)
    }
  }
}

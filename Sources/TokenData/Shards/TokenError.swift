internal import Foundation
internal import MappedFiles

/// Training data that cannot be used: which file, what was found, what is allowed.
package struct TokenError: Error, Hashable, CustomStringConvertible {
  /// The file, or the list of files, at fault.
  package let file: String
  package let found: String
  package let allowed: String

  package init(file: String, found: String, allowed: String) {
    self.file = file
    self.found = found
    self.allowed = allowed
  }

  /// The same, with the setting that named the file.
  func named(by key: String) -> TokenError {
    TokenError(file: "\(key): \(file)", found: found, allowed: allowed)
  }

  /// One line, whatever was found.
  package var description: String {
    "\(file): found \(found); allowed: \(allowed)".split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}

extension TokenError {
  /// The failure that the last system call left in `errno`.
  static func system(_ file: String, code: Int32 = errno, allowed: String = "a readable file") -> TokenError {
    TokenError(file: file, found: "“" + String(cString: strerror(code)) + "”", allowed: allowed)
  }
}

extension MappedFile {
  /// Opens a token shard.
  convenience init(shard path: String) throws(TokenError) {
    do {
      try self.init(path: path)
    } catch {
      switch error {
      case .system(_, ENOENT):
        throw .system(path, code: ENOENT, allowed: "token shards that are there (catlm tokenize writes them)")
      case .system(_, let code): throw .system(path, code: code)
      case .notRegular:
        throw TokenError(file: path, found: "something that is not a file", allowed: "a token shard")
      }
    }
  }
}

/// A file of text that cannot be used: which and where, what was found, what is allowed.
package struct CorpusError: Error, Hashable, CustomStringConvertible {
  /// The file, with the line or byte where one is at fault.
  package let place: String
  package let found: String
  package let allowed: String

  package init(_ place: String, found: String, allowed: String) {
    self.place = place
    self.found = found
    self.allowed = allowed
  }

  /// One line, whatever was found.
  package var description: String {
    "\(place): found \(found); allowed: \(allowed)".split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}

internal import Glibc

/// The name of something that is being written or removed, such as `.step-00001000.writing-4711`. It says who does it.
struct TemporaryName: Hashable {
  enum Purpose: String, CaseIterable {
    case writing
    case removing
  }

  let purpose: Purpose
  let process: Int32
  let text: String

  /// The name under which this process works on `name`.
  init(_ name: String, _ purpose: Purpose) {
    self.purpose = purpose
    process = getpid()
    text = ".\(name).\(purpose.rawValue)-\(process)"
  }

  /// The temporary name that `text` is; nil if it is none.
  init?(reading text: String) {
    guard text.hasPrefix("."), let dash = text.lastIndex(of: "-"), let dot = text[..<dash].lastIndex(of: "."),
      let purpose = Purpose(rawValue: String(text[text.index(after: dot)..<dash])),
      let process = Int32(text[text.index(after: dash)...]), process > 0
    else { return nil }
    self.purpose = purpose
    self.process = process
    self.text = text
  }

  /// Whether nobody works under this name. This process itself does one thing after the other, so at the start of one
  /// what has its number is left over, too: numbers come back, in containers above all.
  var isStale: Bool {
    process == getpid() || (kill(process, 0) != 0 && errno == ESRCH)
  }
}

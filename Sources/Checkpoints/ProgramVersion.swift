/// The program that writes a checkpoint, as its manifest records it.
package struct ProgramVersion: Hashable, Sendable {
  package static let current = ProgramVersion(name: "catlm", version: "0.1.0")

  package let name: String
  package let version: String

  package init(name: String, version: String) {
    self.name = name
    self.version = version
  }
}

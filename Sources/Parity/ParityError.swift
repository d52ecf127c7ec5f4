/// A directory that cannot be compared.
package struct ParityError: Error, CustomStringConvertible {
  package let description: String

  init(_ directory: String, _ problem: String) {
    description = "\(directory): \(problem)"
  }
}

internal import Foundation
package import JSON

/// What a benchmark measured, read back from the JSON that it printed: one object, or one a line.
package struct BenchmarkReport: Hashable, Sendable {
  /// The benchmarks whose results can be compared.
  package enum Kind: String, CaseIterable, Sendable {
    case train
    case kernels
    case allreduce
  }

  /// One timed thing.
  package struct Entry: Hashable, Sendable {
    /// What was timed under which conditions: results are compared where all of this is equal.
    package let conditions: [JSONValue.Entry]
    package let seconds: Double

    /// The conditions in few words; flags that are off are left out.
    package var name: String {
      conditions.filter { $0.value != .flag(false) }.map { condition in
        switch condition.value {
        case .text(let text): text
        case .flag: condition.key
        default: "\(condition.key) \(condition.value.json())"
        }
      }.joined(separator: " ")
    }
  }

  /// The file.
  package let path: String
  package let kind: Kind
  package let entries: [Entry]
  /// What the file says of the machine; empty where it says nothing.
  package let machine: [JSONValue.Entry]

  /// - Throws: if the file cannot be read, or is not what one kind of benchmark prints.
  package init(path: String) throws(JSONError) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw .invalid(key: path, found: "no readable text", allowed: Self.rule)
    }
    try self.init(text, path: path)
  }

  /// - Parameters:
  ///   - text: the content of a file.
  ///   - path: its name, for messages.
  package init(_ text: String, path: String) throws(JSONError) {
    let objects = try Self.objects(text, path: path)
    var kinds: [Kind] = []
    var entries: [Entry] = []
    for object in objects {
      guard let kind = Kind(of: object) else {
        throw .invalid(key: path, found: "another object, or none", allowed: Self.rule)
      }
      kinds.append(kind)
      entries += try kind.entries(object, path: path)
    }
    guard let kind = kinds.first, Set(kinds).count == 1 else {
      let found = Set(kinds).map(\.rawValue).sorted().joined(separator: " and ")
      throw .invalid(key: path, found: found, allowed: Self.rule)
    }
    self.path = path
    self.kind = kind
    self.entries = entries
    machine = objects.lazy.map(Self.machine).first { !$0.isEmpty } ?? []
  }

  private static let rule =
    "JSON of one of benchmark \(Kind.allCases.map(\.rawValue).joined(separator: ", ")), one object or one a line"

  private static func objects(_ text: String, path: String) throws(JSONError) -> [JSONValue] {
    do throws(JSONError) {
      return [try JSONValue(json: text, source: path)]
    } catch {
      let lines = text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
      guard lines.count > 1 else { throw error }
      var objects: [JSONValue] = []
      for (index, line) in lines.enumerated() {
        objects.append(try JSONValue(json: String(line), source: "\(path), object \(index + 1)"))
      }
      return objects
    }
  }

  private static func machine(_ object: JSONValue) -> [JSONValue.Entry] {
    let own = object["machine"]?.entries ?? []
    return own + ["processor", "blas"].compactMap { key in object[key].map { .init(key: key, value: $0) } }
  }
}

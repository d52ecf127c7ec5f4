internal import JSON
internal import Settings

/// One of the sets of shards that a run's samples are drawn from: an entry of `data.sources`.
package struct DataSource: Hashable, Sendable {
  /// Paths of shards, directories or patterns.
  package private(set) var paths: [String]
  /// How often samples are drawn from it, in relation to the other sources.
  package private(set) var weight = 1.0
  package private(set) var format: FormatChoice

  package init(paths: [String], weight: Double = 1, format: FormatChoice = .auto) {
    self.paths = paths
    self.weight = weight
    self.format = format
  }

  /// - Parameters:
  ///   - reader: one entry of the list.
  ///   - format: of shards of which the entry does not say it.
  init(_ reader: JSONReader, format: FormatChoice) throws(JSONError) {
    self.init(paths: [], format: format)
    try reader.read(Self.keys, into: &self)
    guard !paths.isEmpty else {
      throw reader.invalid("path", found: "an empty list", allowed: "at least one path")
    }
  }

  static let weights: ClosedRange<Double> = 1e-6...1e9

  static let keys: [Key<Self>] = [
    .texts(
      "path", \.paths, default: .required, allowed: "paths of shards, directories, or patterns with *",
      "The source's shards, as data.train takes them."),
    .number(
      "weight", \.weight, in: weights,
      "How often samples come from the source, in relation to the weights of the others. At every step of a run the "
        + "samples drawn so far are within one of what the weights say."),
    .choice("format", \.format, "As data.format, for this source alone."),
  ]

  /// What it is called in what a run says.
  package var name: String { paths.joined(separator: ", ") }
}

package import JSON
internal import Settings

/// The keys of a section `data` of kind `mqar`: recall tasks that are made while training.
package struct RecallConfig: Hashable, Sendable {
  package var vocabularySize = 8192
  /// Tokens of the samples of each segment.
  package var lengths = [64, 128, 256, 256, 256]
  /// Pairs of key and value of each segment's samples.
  package var pairCounts = [4, 8, 16, 32, 64]
  package var validationSampleCount = 1000

  /// Zoology's distribution.
  package init() {}

  init(_ reader: JSONReader) throws(JSONError) {
    try reader.read(Self.keys, into: &self)
    try check { reader.invalid($0, found: $1, allowed: $2) }
  }

  /// Refuses numbers that do not go together.
  ///
  /// - Parameter section: what names the configuration in messages, such as an option.
  package func check(_ section: String) throws(JSONError) {
    try check { .invalid(key: "\(section).\($0)", found: $1, allowed: $2) }
  }

  private func check(
    _ refusal: (_ key: String, _ found: String, _ allowed: String) -> JSONError
  ) throws(JSONError) {
    guard lengths.count == pairCounts.count, !lengths.isEmpty else {
      throw refusal(
        "pairs", "\(pairCounts.count) numbers of pairs for \(lengths.count) lengths", "as many as lengths, at least one"
      )
    }
    for (place, (length, pairCount)) in zip(lengths, pairCounts).enumerated() {
      guard length % 2 == 0 else { throw refusal("lengths[\(place)]", "\(length)", "an even number") }
      let limit = min(length / 4, MQARTask(vocabularySize: vocabularySize).largestPairCount)
      guard pairCount <= limit else {
        throw refusal(
          "pairs[\(place)]", "\(pairCount)", "at most \(limit) at length \(length) with \(vocabularySize) ids")
      }
    }
  }

  static let keys: [Key<Self>] = [
    .integer(
      "vocabulary_size", \.vocabularySize, in: 4...Int(Int32.max),
      "Ids of the task: keys are below the half, values above."),
    .integers("lengths", \.lengths, in: 4...1 << 24, "Tokens of the samples of each segment, even numbers."),
    .integers(
      "pairs", \.pairCounts, in: 1...1 << 24,
      "Pairs of key and value of each segment's samples, as many numbers as lengths; at most a quarter of the length."),
    .integer(
      "validation_samples", \.validationSampleCount, in: 1...Int.max,
      "Samples to measure on, from all segments in turn."),
  ]

  var segments: [MQARTask.Segment] {
    zip(lengths, pairCounts).map { MQARTask.Segment(length: $0, pairCount: $1) }
  }
}

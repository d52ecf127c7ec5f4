package import Parallel

/// What all ranks must have in common, compared by digests.
package struct Agreement: Sendable {
  /// Something that ranks differ in.
  package struct Difference: Hashable, Sendable {
    /// What differs, such as `weights`.
    package let subject: String
    /// The ranks whose digest is not that of the majority; all ranks if no digest has one.
    package let ranks: [Int]
    package let hasMajority: Bool
  }

  private var subjects: [(name: String, digest: UInt64)] = []

  package init() {}

  /// Adds something to be compared. All ranks add the same names in the same order.
  package mutating func add(_ name: String, _ digest: ContentDigest) {
    subjects.append((name, digest.value))
  }

  /// What the ranks differ in, the same on all of them; empty if they agree. All ranks call it.
  package func differences(in group: any ProcessGroup) throws(ParallelError) -> [Difference] {
    let mine = subjects.map { String($0.digest, radix: 16) }.joined(separator: " ")
    let digests = try group.allGather(mine).map { $0.split(separator: " ") }
    return subjects.indices.compactMap { index in
      Self.difference(subjects[index].name, digests.map { index < $0.count ? String($0[index]) : "" })
    }
  }

  private static func difference(_ subject: String, _ digests: [String]) -> Difference? {
    let counts = Dictionary(digests.map { ($0, 1) }, uniquingKeysWith: +)
    guard counts.count > 1 else { return nil }
    let majority = counts.first { $0.value * 2 > digests.count }?.key
    return Difference(
      subject: subject, ranks: digests.indices.filter { digests[$0] != majority }, hasMajority: majority != nil)
  }
}

extension Agreement.Difference: CustomStringConvertible {
  /// Such as `rank 1 differs from the others in weights`.
  package var description: String {
    let list = ranks.map(String.init).joined(separator: ", ")
    if !hasMajority { return "ranks \(list) differ in \(subject), and no majority says which is right" }
    return ranks.count == 1
      ? "rank \(list) differs from the others in \(subject)" : "ranks \(list) differ from the others in \(subject)"
  }
}

import JSON
import Parallel
import Testing

@testable import Training

/// The first exchange of ranks, which are threads here.
struct StartAgreementTests {
  /// What each rank throws, in words; nil where it gets a configuration.
  private static func outcomes(
    size: Int, _ overrides: @escaping @Sendable (Int) -> [String]
  ) throws -> [String?] {
    try ThreadGroup.run(size: size) { group in
      do {
        let own = Result { try SmallRun.recall(overrides(group.rank)) }
        let agreed = try StartAgreement.confirm(own, in: group)
        #expect(try agreed.resolved == own.get().resolved)
        return nil
      } catch { return "\(error)" }
    }
  }

  @Test(arguments: [1, 2, 4]) func `ranks with one configuration begin`(size: Int) throws {
    #expect(try Self.outcomes(size: size) { _ in ["train.steps=7"] } == Array(repeating: nil, count: size))
  }

  @Test(arguments: [
    ("parallel.timeout", "0", "600"), ("parallel.overlap", "on", "auto"), ("train.steps", "21", "20"),
    ("train.chunk_sizes", "[2, 8]", "[2, 3, 8]"), ("data.lengths", "[16, 14]", "[16, 12]"),
  ])
  func `a rank with another configuration is named with the key and both values`(
    key: String, value: String, expected: String
  ) throws {
    let text = { (value: String) in Int(value) == nil && !value.hasPrefix("[") ? "\"\(value)\"" : value }
    let found = try Self.outcomes(size: 3) { $0 == 1 ? ["\(key)=\(value)"] : [] }
    let start = "\(key) is \(text(value)) on rank 1 on "
    for line in found {
      let line = try #require(line)
      #expect(line.hasPrefix(start) && line.contains(", \(text(expected)) on rank 0 on "), "\(line)")
    }
    #expect(Set(found).count == 1)
  }

  @Test func `how many differ is said`() throws {
    let line = try #require(try Self.outcomes(size: 4) { $0 > 1 ? ["train.steps=\($0)"] : [] }[0])
    #expect(line.hasPrefix("train.steps is 2 on rank 2 on ") && line.contains(" (and 1 more such rank): "), "\(line)")
  }

  @Test func `a rank that cannot read its file says why to all`() throws {
    let found = try Self.outcomes(size: 3) { $0 == 2 ? ["train.steps=many"] : [] }
    #expect(Set(found).count == 1)
    let line = try #require(found[0])
    #expect(line.hasPrefix("rank 2 on ") && line.contains("train.steps: found"), "\(line)")
  }

  @Test func `what is wrong on all ranks is said as on one`() throws {
    let alone = try #require(try Self.outcomes(size: 1) { _ in ["train.steps=0"] }[0])
    #expect(alone.contains("train.steps: found 0") && !alone.contains("rank"), "\(alone)")
    #expect(try Self.outcomes(size: 3) { _ in ["train.steps=0"] } == [alone, alone, alone])
  }
}

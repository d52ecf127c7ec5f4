import Parallel
import Testing

/// What every group must do: one body for all kinds.
struct GroupChecks {
  let kind: GroupKind

  func ranksAreNumbered() throws {
    let ranks = try kind.run { group in
      var each = [Int](repeating: 0, count: group.size)
      each[group.rank] = 1
      try group.allReduce(.sum, &each)
      return (each, group.hostName)
    }
    for (each, hostName) in ranks {
      #expect(each.allSatisfy { $0 == 1 }, "found \(each)")
      #expect(!hostName.isEmpty)
    }
  }

  /// Integers below 2²⁴, so that the sums are exact in any order.
  func sumsAreExact(count: Int) throws {
    let results = try kind.run { group in
      let first = group.rank + 1
      var floats = (0..<count).map { Float($0 % 1000 * first) }
      try floats.withUnsafeMutableBufferPointer { try group.allReduce($0) }
      var doubles = (0..<count).map { Double($0 * first) }
      try group.allReduce(.sum, &doubles)
      var integers = (0..<count).map { $0 * first << 36 }
      try group.allReduce(.sum, &integers)
      return (group.size, floats, doubles, integers)
    }
    for (size, floats, doubles, integers) in results {
      let ranks = size * (size + 1) / 2
      #expect(floats == (0..<count).map { Float($0 % 1000 * ranks) })
      #expect(doubles == (0..<count).map { Double($0 * ranks) })
      #expect(integers == (0..<count).map { $0 * ranks << 36 })
    }
  }

  /// Values whose sums round, compared between ranks.
  func sumsHaveTheSameBits(count: Int) throws {
    let results = try kind.run { group in
      var values = (0..<count).map { 1 / Float(3 + $0 + 7 * group.rank) }
      try values.withUnsafeMutableBufferPointer { try group.allReduce($0) }
      let digest = values.reduce(UInt64(1)) { ($0 &* 0x100_0000_01b3) ^ UInt64($1.bitPattern) }
      return try group.allGather("\(digest)")
    }
    for digests in results { #expect(Set(digests).count == 1, "found \(digests)") }
  }

  func theLargestIsFound() throws {
    let results = try kind.run { group in
      let last = group.size - 1
      return [
        try group.allReduce(.max, Double(group.rank)) == Double(last),
        try group.allReduce(.max, -Double(group.rank) - 1) == -1,
        try group.allReduce(.max, -.infinity) == -.infinity,
        try group.allReduce(.max, group.rank == 0 ? .infinity : 0) == .infinity,
        try group.allReduce(.max, group.rank == last ? .nan : 5).isNaN,
        try group.allReduce(.max, group.rank == 0 ? .nan : .infinity).isNaN,
      ]
    }
    for result in results { #expect(result.allSatisfy { $0 }, "found \(result)") }
  }

  func bytesAreBroadcast(count: Int) throws {
    let results = try kind.run { group in
      try (0..<group.size).map { root in
        var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 + group.rank) }
        try bytes.withUnsafeMutableBytes { try group.broadcast($0, from: root) }
        return bytes == (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 + root) }
      }
    }
    for result in results { #expect(result.allSatisfy { $0 }, "found \(result)") }
  }

  /// Texts of different lengths, the empty one among them.
  func textsAreGathered() throws {
    let text: @Sendable (Int) -> String = { String(repeating: "übung \($0);", count: $0) }
    let results = try kind.run { group in (try group.allGather(text(group.rank)), group.size) }
    for (texts, size) in results { #expect(texts == (0..<size).map(text)) }
  }

  /// Messages of a round must not meet those of another.
  func roundsDoNotMix() throws {
    let results = try kind.run { group in
      try (0..<200).map { round in
        try group.barrier()
        var values = [Double(round)]
        try group.allReduce(.sum, &values)
        return values[0] == Double(round * group.size)
      }
    }
    for result in results { #expect(result.allSatisfy { $0 }) }
  }

  func aMissingRootIsRefused() throws {
    let results = try kind.run { group in
      var bytes: [UInt8] = [1, 2, 3]
      let size = group.size
      do throws(ParallelError) {
        try bytes.withUnsafeMutableBufferPointer { (buffer) throws(ParallelError) in
          try group.broadcast(UnsafeMutableRawBufferPointer(buffer), from: size)
        }
        return (group.rank, size, "")
      } catch { return (group.rank, size, "\(error)") }
    }
    for (rank, size, message) in results {
      let expected =
        switch kind {
        case .mpi: "MPI_Bcast failed on rank \(rank): "
        case .solo, .threads, .watched: "broadcast: found rank \(size), allowed 0 ..< \(size)"
        }
      #expect(message.hasPrefix(expected), "found \(message)")
      // MPI_ERR_ROOT in one library, "Invalid root" in the other.
      if case .mpi = kind { #expect(message.lowercased().contains("root"), "found \(message)") }
    }
  }
}

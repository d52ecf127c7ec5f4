import Foundation
import Parallel
import Testing

private struct Complaint: Error, Equatable {
  let rank: Int
}

@Suite struct ThreadGroupTests {
  @Test func `sums are added in rank order`() throws {
    // (1e8 + 1) - 1e8 is 0 in single precision and 1 in any order that puts the large ones together.
    let sums = try ThreadGroup.run(size: 3) { group in
      var values: [Float] = [[1e8, 1, -1e8][group.rank]]
      try values.withUnsafeMutableBufferPointer { try group.allReduce($0) }
      return values[0]
    }
    #expect(sums == [0, 0, 0])
  }

  @Test func `results come in rank order`() throws {
    #expect(try ThreadGroup.run(size: 5) { $0.rank * 10 } == [0, 10, 20, 30, 40])
  }

  @Test(arguments: 0..<3) func `an error of one rank reaches the caller and frees the others`(failing: Int) {
    #expect(throws: Complaint(rank: failing)) {
      try ThreadGroup.run(size: 3) { group in
        try group.barrier()
        if group.rank == failing { throw Complaint(rank: failing) }
        try group.barrier()
      }
    }
  }

  @Test func `an abort ends the calls of the others with its code`() throws {
    let errors = try ThreadGroup.run(size: 3) { group in
      if group.rank == 1 { group.abort(code: 7) }
      do throws(ParallelError) {
        try group.barrier()
        return ParallelError?.none
      } catch { return error }
    }
    #expect(errors == Array(repeating: .aborted(rank: 1, code: 7), count: 3))
  }

  @Test func `a rank that leaves early is named`() throws {
    let errors = try ThreadGroup.run(size: 2) { group in
      guard group.rank == 1 else { return ParallelError?.none }
      do throws(ParallelError) {
        _ = try group.allReduce(.max, 1)
        return nil
      } catch { return error }
    }
    #expect(errors == [nil, .absent(rank: 0, operation: "all-reduce of 1 Double")])
  }

  @Test func `ranks in different calls are told which`() {
    let expected = ParallelError.mismatch(calls: ["all-reduce of 3 Double", "all-reduce of 4 Double"])
    #expect(throws: expected) {
      try ThreadGroup.run(size: 2) { group in
        var values = [Double](repeating: 1, count: 3 + group.rank)
        try group.allReduce(.sum, &values)
      }
    }
    #expect(
      "\(expected)"
        == "ranks met in different calls: rank 0 in all-reduce of 3 Double, rank 1 in all-reduce of 4 Double")
  }

  @Test func `a receiver learns that its sender has left`() throws {
    let errors = try ThreadGroup.run(size: 2) { group in
      guard group.rank == 1 else { return ParallelError?.none }
      var bytes: [UInt8] = [0]
      do {
        try bytes.withUnsafeMutableBytes { try group.receive($0, from: 0) }
        return nil
      } catch let error as ParallelError { return error }
    }
    #expect(errors == [nil, .absent(rank: 0, operation: "receive from rank 0")])
  }
}

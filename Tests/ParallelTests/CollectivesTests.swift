import CPUBackend
import Parallel
import TensorCore
import Testing

/// Sums and copies of tensors, on every kind of group, whether or not a thread of its own makes the calls.
@Suite struct CollectivesTests {
  private func run<Result: Sendable>(
    _ kind: GroupKind, isOverlapped: Bool,
    _ body: @escaping @Sendable (any ProcessGroup, any Collectives, any Backend) throws -> Result
  ) throws -> [Result] {
    try kind.run { group in
      let collectives = try group.makeCollectives(CollectivesSettings(isOverlapped: isOverlapped))
      defer { #expect(throws: Never.self) { try collectives.close() } }
      return try body(group, collectives, CPUBackend(threadCount: 1))
    }
  }

  @Test(arguments: GroupKind.withoutLauncher, [false, true])
  func `tensors are summed, in both types`(on kind: GroupKind, isOverlapped: Bool) throws {
    let found = try run(kind, isOverlapped: isOverlapped) { group, collectives, backend in
      let values = Tensor((0..<100).map { Float($0 + group.rank) }, shape: [100], backend: backend)
      let numbers = Tensor(doubles: [0x1p40 + 0x1p-10, Double(group.rank)], pool: backend.pool)
      let event = backend.pool.memory.recordEvent()
      collectives.allReduce(values.rows(10..<90), wire: .float32, after: event)
      collectives.allReduce(numbers, wire: .bfloat16, after: event)
      try collectives.join()
      return (group.size, group.rank, values.values, numbers.doubles)
    }
    for (size, rank, values, numbers) in found {
      let ranks = size * (size - 1) / 2
      #expect(values == (0..<100).map { Float((10..<90).contains($0) ? $0 * size + ranks : $0 + rank) })
      #expect(numbers == [Double(size) * (0x1p40 + 0x1p-10), Double(ranks)])
    }
  }

  @Test(arguments: GroupKind.withoutLauncher, [false, true])
  func `calls take effect in their order`(on kind: GroupKind, isOverlapped: Bool) throws {
    let found = try run(kind, isOverlapped: isOverlapped) { group, collectives, backend in
      let values = Tensor((0..<100).map { Float($0 + 1) }, shape: [100], backend: backend)
      let shares = (0..<group.size).map { 100 * $0 / group.size..<100 * ($0 + 1) / group.size }
      let event = backend.pool.memory.recordEvent()
      collectives.reduceScatter(values, shares: shares, wire: .float32, after: event)
      collectives.allGather(values, shares: shares, after: event)
      collectives.allReduce(values, wire: .float32, after: event)
      try collectives.join()
      values.rows(0..<50).assign([Float](repeating: Float(group.rank), count: 50))
      collectives.broadcast(values, from: group.size - 1, after: backend.pool.memory.recordEvent())
      try collectives.join()
      return (group.size, values.values)
    }
    for (size, values) in found {
      #expect(values == (0..<100).map { Float($0 < 50 ? size - 1 : ($0 + 1) * size * size) })
    }
  }

  @Test(arguments: [2, 3], [false, true])
  func `ranks whose tensors differ in length are told when they join`(size: Int, isOverlapped: Bool) throws {
    let errors = try run(.threads(size), isOverlapped: isOverlapped) { group, collectives, backend in
      let values = Tensor([Float](repeating: 1, count: 3 + group.rank), shape: [3 + group.rank], backend: backend)
      collectives.allReduce(values, wire: .float32, after: backend.pool.memory.recordEvent())
      do throws(ParallelError) {
        try collectives.join()
        return ParallelError?.none
      } catch { return error }
    }
    for error in errors {
      guard case .mismatch(let calls) = error else {
        Issue.record("found \(String(describing: error))")
        continue
      }
      #expect(calls.count == size && calls[0].hasPrefix("all-reduce of 3"))
    }
  }
}

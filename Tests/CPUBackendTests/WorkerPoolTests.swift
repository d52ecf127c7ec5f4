import CPUBackend
import Foundation
import Synchronization
import Testing

struct WorkerPoolTests {
  @Test(arguments: [1, 2, 3, 8])
  func `every task runs once`(on threadCount: Int) {
    let pool = WorkerPool(threadCount: threadCount)
    #expect(pool.threadCount == threadCount)
    for taskCount in [0, 1, 2, 3, 7, 100, 1000] {
      let runs = (0..<taskCount).map { _ in Counter() }
      pool.run(taskCount: taskCount) { runs[$0].value.add(1, ordering: .relaxed) }
      #expect(runs.allSatisfy { $0.value.load(ordering: .relaxed) == 1 }, "\(taskCount) tasks")
    }
  }

  @Test func `many short runs lose no task`() {
    let pool = WorkerPool(threadCount: 3)
    let total = Counter()
    for round in 0..<4000 {
      pool.run(taskCount: 2 + round % 4) { _ in total.value.add(1, ordering: .relaxed) }
    }
    #expect(total.value.load(ordering: .relaxed) == 1000 * (2 + 3 + 4 + 5))
  }

  @Test func `sleeping workers wake up`() {
    let pool = WorkerPool(threadCount: 3)
    let total = Counter()
    for _ in 0..<20 {
      Thread.sleep(forTimeInterval: 0.004)
      pool.run(taskCount: 5) { _ in total.value.add(1, ordering: .relaxed) }
    }
    #expect(total.value.load(ordering: .relaxed) == 100)
  }

  @Test func `what tasks wrote is there when they are done`() {
    let pool = WorkerPool(threadCount: 4)
    var values = [Int](repeating: 0, count: 64)
    for round in 1...300 {
      values.withUnsafeMutableBufferPointer { buffer in
        guard let start = buffer.baseAddress else { return }
        pool.run(taskCount: 64) { (start + $0).pointee += round }
      }
    }
    #expect(values == [Int](repeating: 300 * 301 / 2, count: 64))
  }

  @Test func `pools come and go`() {
    for round in 0..<200 {
      let pool = WorkerPool(threadCount: 1 + round % 4)
      if round % 3 > 0 { pool.run(taskCount: round % 5) { _ in } }
    }
  }
}

private final class Counter: Sendable {
  let value = Atomic<Int>(0)
}

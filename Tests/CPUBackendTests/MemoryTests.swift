import Foundation
import ReferenceBackend
import TensorCore
import Testing

@testable import CPUBackend

struct MemoryTests {
  @Test(arguments: [1, 100, 1 << 20, 5 << 20, (5 << 20) + 1])
  func `memory is aligned to cache lines`(of byteCount: Int) {
    let storage = CPUBackend(threadCount: 1).pool.storage(byteCount: byteCount)
    #expect(Int(bitPattern: storage.address) % 64 == 0)
    storage.address.storeBytes(of: 7, toByteOffset: byteCount - 1, as: UInt8.self)
  }

  @Test func `large memory is aligned to huge pages`() {
    let storage = CPUBackend(threadCount: 1).pool.storage(byteCount: 5 << 20)
    #expect(Int(bitPattern: storage.address) % (2 << 20) == 0)
  }

  @Test func `the same kernels again take no new memory`() {
    let backend = CPUBackend(threadCount: 2)
    let x = backend.random([3000, 96], seed: 1)
    let sums = backend.random([96], seed: 2)
    func runKernels() {
      backend.accumulateColumnSums(of: Matrix(x), into: sums)
      _ = backend.sumOfSquares(x)
    }
    runKernels()
    let before = backend.pool.statistics.allocationCount
    for _ in 0..<10 { runKernels() }
    #expect(backend.pool.statistics.allocationCount == before)
  }

  @Test func `memory that the system refuses ends the process as the program says`() async {
    await #expect(processExitsWith: .exitCode(7)) {
      RefusedMemory.end { byteCount, code in exit(byteCount >= 1 << 61 && code == ENOMEM ? 7 : 8) }
      _ = CPUBackend(threadCount: 1).pool.storage(byteCount: 1 << 61)
    }
  }
}

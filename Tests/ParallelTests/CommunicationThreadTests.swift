import Foundation
import Parallel
import Synchronization
import Testing

struct CommunicationThreadTests {
  @Test func `calls are made in order, on another thread, before waiting ends`() throws {
    let thread = CommunicationThread()
    let seen = Mutex<[Int]>([])
    let steering = Thread.current
    for number in 0..<100 {
      thread.enqueue {
        #expect(Thread.current !== steering)
        seen.withLock { $0.append(number) }
      }
    }
    try thread.wait()
    #expect(seen.withLock { $0 } == Array(0..<100))
    try thread.wait()
  }

  @Test func `the first error reaches who waits, and later calls are not made`() throws {
    let thread = CommunicationThread()
    let count = Mutex(0)
    let failure = ParallelError.call(name: "MPI_Allreduce", rank: 1, text: "the link is gone")
    for number in 0..<5 {
      thread.enqueue { () throws(ParallelError) in
        count.withLock { $0 += 1 }
        if number == 2 { throw failure }
      }
    }
    #expect(throws: failure) { try thread.wait() }
    #expect(count.withLock { $0 } == 3)
  }

  @Test func `a thread that is given up ends after the call that it is in`() {
    let (isInCall, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let made = Mutex<[Int]>([])
    do {
      let thread = CommunicationThread()
      thread.enqueue {
        isInCall.signal()
        mayEnd.wait()
        made.withLock { $0.append(0) }
      }
      thread.enqueue { made.withLock { $0.append(1) } }
      isInCall.wait()
      mayEnd.signal()
    }
    #expect(made.withLock { $0.first } == 0)
  }
}

import Checkpoints
import Foundation
import Testing

struct BackgroundTaskTests {
  @Test func `the caller goes on while the work is done`() {
    let task = BackgroundTask<Int>()
    #expect(!task.isBusy && task.takeResult() == nil)
    for round in 1...20 {
      let gate = DispatchSemaphore(value: 0)
      task.start {
        gate.wait()
        return round
      }
      #expect(task.isBusy && task.takeResult() == nil)
      gate.signal()
      task.wait()
      #expect(!task.isBusy)
      #expect(task.takeResult() == round)
      #expect(task.takeResult() == nil)
    }
  }
}

import Testing

@testable import Parallel

@Suite struct WatchMessageTests {
  private static let contents: [WatchMessage.Content] = [
    .heartbeat(WatchStatus()),
    .heartbeat(
      WatchStatus(
        changeCount: 12, step: 3, phase: .validation,
        call: WatchStatus.Call(group: 1, number: 9, name: "sum of 3 Double"))),
    .farewell,
    .end(reason: "rank 2 on höst has been silent"),
  ]

  @Test(arguments: contents) func `a message reads as it was written`(_ content: WatchMessage.Content) {
    let message = WatchMessage(sender: 5, content: content)
    #expect(WatchMessage(message.bytes(key: "k"), key: "k") == message)
  }

  @Test(arguments: contents) func `a message of another job does not count`(_ content: WatchMessage.Content) {
    #expect(WatchMessage(WatchMessage(sender: 5, content: content).bytes(key: "k"), key: "other") == nil)
  }

  @Test(arguments: [
    "", "k", "k\t1", "k\tx\tfarewell", "k\t-1\tfarewell", "k\t1\tfarewell\t", "k\t1\tbeat\t1\t2",
    "k\t1\tbeat\t1\t2\tnap",
    "k\t1\tbeat\tx\t2\tstart", "k\t1\tbeat\t1\t2\tstart\t0", "k\t1\tbeat\t1\t2\tstart\t0\tx\tsum", "k\t1\tend",
    "k\t1\tz",
  ])
  func `what is no message is passed over`(_ text: String) {
    #expect(WatchMessage(Array(text.utf8), key: "k") == nil)
  }

  @Test func `a message fits a packet`() {
    let message = WatchMessage(sender: 0, content: .end(reason: String(repeating: "rank ", count: 1000)))
    #expect(message.bytes(key: "k").count == WatchMessage.capacity)
  }
}

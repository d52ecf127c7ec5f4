import Testing

@testable import Parallel

@Suite struct HeartbeatMessageTests {
  private static let contents: [HeartbeatMessage.Content] = [
    .heartbeat(RankStatus()),
    .heartbeat(
      RankStatus(
        changeCount: 12, step: 3, phase: .validation,
        call: RankStatus.Call(group: 1, number: 9, name: "all-reduce of 3 Double"))),
    .farewell,
    .end(reason: "rank 2 on höst has been silent"),
  ]

  @Test(arguments: contents) func `a message reads as it was written`(_ content: HeartbeatMessage.Content) {
    let message = HeartbeatMessage(sender: 5, content: content)
    #expect(HeartbeatMessage(message.bytes(key: "k"), key: "k") == message)
  }

  @Test(arguments: contents) func `a message of another job does not count`(_ content: HeartbeatMessage.Content) {
    #expect(HeartbeatMessage(HeartbeatMessage(sender: 5, content: content).bytes(key: "k"), key: "other") == nil)
  }

  @Test(arguments: [
    "", "k", "k\t1", "k\tx\tfarewell", "k\t-1\tfarewell", "k\t1\tfarewell\t", "k\t1\tbeat\t1\t2",
    "k\t1\tbeat\t1\t2\tnap",
    "k\t1\tbeat\tx\t2\tstart", "k\t1\tbeat\t1\t2\tstart\t0", "k\t1\tbeat\t1\t2\tstart\t0\tx\tsum", "k\t1\tend",
    "k\t1\tz",
  ])
  func `what is no message is passed over`(_ text: String) {
    #expect(HeartbeatMessage(Array(text.utf8), key: "k") == nil)
  }

  @Test func `a message fits a packet`() {
    let message = HeartbeatMessage(sender: 0, content: .end(reason: String(repeating: "rank ", count: 1000)))
    #expect(message.bytes(key: "k").count == HeartbeatMessage.capacity)
  }
}

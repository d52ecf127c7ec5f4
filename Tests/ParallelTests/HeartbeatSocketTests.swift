import Testing

@testable import Parallel

@Suite struct HeartbeatSocketTests {
  @Test(.timeLimit(.minutes(1))) func `datagrams without end do not keep the failure detector from its watch`() {
    var count = 0
    let endless = { Optional(1) }
    HeartbeatSocket.drain(until: .now + .milliseconds(5), next: endless) {
      count += $0
      return true
    }
    #expect(count > 0)
  }

  @Test func `all that has come is heard, unless it ends the watch`() {
    var rest = Array(1...1000)
    var heard: [Int] = []
    let next = { rest.popLast() }
    HeartbeatSocket.drain(until: .now + .seconds(60), next: next) {
      heard.append($0)
      return $0 > 10
    }
    #expect(heard == (10...1000).reversed() && rest == Array(1..<10))
  }
}

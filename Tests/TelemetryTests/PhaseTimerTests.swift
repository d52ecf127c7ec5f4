import Settings
import Telemetry
import Testing

private struct Complaint: Error {}

@Suite struct PhaseTimerTests {
  @Test func `phases add up in the order of their first use`() {
    let timer = PhaseTimer()
    timer.add(.seconds(1), to: "forward")
    timer.add(.seconds(5), to: "backward")
    timer.add(.seconds(2), to: "forward")
    #expect(timer.report.map(\.name) == ["forward", "backward"])
    #expect(timer.report.map(\.total) == [.seconds(3), .seconds(5)])
    #expect(timer.report.map(\.count) == [2, 1])
    #expect(timer.seconds == ["forward": 3.0, "backward": 5.0])
    #expect(timer.summary == "forward 3.00 s (38 %), backward 5.00 s (62 %)")
    timer.reset()
    #expect(timer.report.isEmpty)
    #expect(timer.summary.isEmpty)
  }

  @Test func `measuring gives the result, and counts what throws and what lies within`() throws {
    let timer = PhaseTimer()
    let value = timer.measure("outer") { timer.measure("inner") { 42 } }
    #expect(value == 42)
    #expect(throws: Complaint.self) { try timer.measure("outer") { throw Complaint() } }
    #expect(timer.report.map(\.count) == [1, 2])
    let (inner, outer) = (timer.report[0], timer.report[1])
    #expect(inner.total <= outer.total)
  }
}

@Suite struct MemoryTests {
  @Test func `memory held is at least what was just written and at most the peak`() {
    let byteCount = 64 << 20
    let bytes = [UInt8](repeating: 1, count: byteCount)
    let held = residentBytes()
    #expect(held >= byteCount)
    #expect(peakResidentBytes() >= byteCount)
    #expect(bytes[byteCount / 2] == 1)
  }
}

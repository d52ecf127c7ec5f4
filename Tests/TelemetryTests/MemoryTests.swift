import Telemetry
import Testing

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

import Telemetry
import Testing

@Suite struct MemoryTests {
  @Test func `the peak is at least what was just written`() {
    let byteCount = 64 << 20
    let bytes = [UInt8](repeating: 1, count: byteCount)
    #expect(peakResidentBytes() >= byteCount)
    #expect(bytes[byteCount / 2] == 1)
  }
}

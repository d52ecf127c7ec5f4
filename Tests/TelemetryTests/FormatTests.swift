import Foundation
import Testing

@testable import Telemetry

@Suite struct FormatTests {
  @Test(arguments: [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1_048_575, "1.0 MiB"),
    (1_288_490_189, "1.2 GiB"), (1 << 40, "1.0 TiB"),
  ])
  func `bytes have binary units`(count: Int, text: String) {
    #expect(Format.bytes(count) == text)
  }

  @Test(arguments: [(0, "0"), (950, "950"), (12_345, "12.3k"), (999_999, "1.0M"), (1_500_000, "1.5M")])
  func `counts have decimal units`(count: Int, text: String) {
    #expect(Format.count(count) == text)
  }

  @Test(arguments: [(0, "0"), (950, "950"), (1000, "1,000"), (1_693_568, "1,693,568"), (-12_345, "-12,345")])
  func `all digits stand in groups of three`(count: Int, text: String) {
    #expect(Format.grouped(count) == text)
  }

  @Test(arguments: [(0.0, "0:00:00"), (59.6, "0:01:00"), (3661, "1:01:01"), (93_789, "26:03:09"), (-5, "0:00:00")])
  func `durations are hours, minutes and seconds`(seconds: Double, text: String) {
    #expect(Format.duration(.seconds(seconds)) == text)
  }

  @Test func `fields of a log line keep the order that the code gives, others come sorted behind them`() {
    var metadata = LogFields.metadata(["step": "12", "loss": "3.5", "accuracy": "0.5"])
    metadata["b"] = "2"
    metadata["a"] = "1"
    #expect(
      LogFields.ordered(metadata).map { "\($0.key)=\($0.value)" } == [
        "step=12", "loss=3.5", "accuracy=0.5", "a=1", "b=2",
      ])
  }

  @Test func `a log line has time, level, message and fields`() {
    let line = LogLine.text(
      time: Date(timeIntervalSince1970: 0), level: "warning", message: "loss is not finite",
      fields: [("step", "412"), ("rank", "3"), ("file", "a b.txt"), ("none", "")])
    #expect(line == #"1970-01-01T00:00:00Z warning loss is not finite step=412 rank=3 file="a b.txt" none="""#)
  }
}

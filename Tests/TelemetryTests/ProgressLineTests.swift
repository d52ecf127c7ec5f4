import Synchronization
import Testing

@testable import Telemetry

/// A console whose output is kept.
final class Recorder: Sendable {
  private let output = Mutex("")

  var text: String { output.withLock { $0 } }

  var lines: [Substring] { text.split(separator: "\n") }

  func console(isTerminal: Bool) -> Console {
    Console(isTerminal: isTerminal) { text in self.output.withLock { $0 += text } }
  }
}

@Suite struct ProgressLineTests {
  private let start = ContinuousClock.now
  private let recorder = Recorder()

  private func progress(_ step: Int, of stepCount: Int = 100) -> Progress {
    Progress(
      step: step, stepCount: stepCount, tokenCount: step * 2048, loss: 3.21454, chunkSize: 8, learningRate: 8e-4)
  }

  @Test func `a line holds step, loss, chunk size, rates and the time left`() {
    let line = ProgressLine(console: recorder.console(isTerminal: false), interval: .seconds(0))
    line.update(progress(1), at: start)
    line.update(progress(2), at: start + .seconds(2))
    #expect(
      recorder.lines == [
        "step 1/100  loss 3.2145  chunk 8  rate 8.00e-04",
        "step 2/100  loss 3.2145  chunk 8  rate 8.00e-04  1.0k tokens/s  left 0:03:16",
      ])
  }

  @Test func `a model without chunks shows none and a loss that is no number is shown`() {
    let progress = Progress(
      step: 5, stepCount: 9, tokenCount: 1, loss: .nan, chunkSize: nil, learningRate: 0)
    #expect(progress.line(tokenRate: nil, unitRate: nil) == "step 5/9  loss nan  rate 0.00e+00")
  }

  @Test func `without a terminal a line comes every interval, and the first and the last`() {
    let line = ProgressLine(console: recorder.console(isTerminal: false), interval: .seconds(10))
    for step in 1...25 { line.update(progress(step, of: 25), at: start + .seconds(step)) }
    line.finish()
    let steps = recorder.lines.map { $0.prefix { $0 != "/" } }
    #expect(steps == ["step 1", "step 11", "step 21", "step 25"])
  }

  @Test func `a run that stops early shows its last step once`() {
    let line = ProgressLine(console: recorder.console(isTerminal: false), interval: .seconds(10))
    for step in 1...3 { line.update(progress(step), at: start + .seconds(step)) }
    line.finish()
    line.finish()
    #expect(recorder.lines.map { $0.prefix { $0 != "/" } } == ["step 1", "step 3"])
  }

  @Test func `on a terminal one line is rewritten and left at the end`() {
    let line = ProgressLine(console: recorder.console(isTerminal: true))
    for step in 1...3 { line.update(progress(step), at: start + .seconds(step)) }
    line.finish()
    #expect(recorder.text.filter { $0 == "\n" }.count == 1)
    #expect(recorder.text.hasSuffix("\n"))
    #expect(recorder.text.components(separatedBy: "\r\u{1B}[K").count == 4)
  }

  @Test func `an evaluation says how far it is where it takes long, and leaves nothing on a terminal`() {
    for isTerminal in [false, true] {
      let recorder = Recorder()
      let line = EvaluationProgressLine(
        "validation", batchCount: 8, console: recorder.console(isTerminal: isTerminal), interval: .seconds(10))
      let start = ContinuousClock.now + .seconds(1)
      for batch in 1...8 {
        line.advance(tokenCount: 1000, chunkSize: batch > 4 ? 8 : nil, at: start + .seconds(4 * batch))
      }
      line.finish()
      let found = recorder.text.split(whereSeparator: \.isNewline).filter { $0.contains("batch") }
      #expect(found.count == (isTerminal ? 8 : 2), "\(found)")
      #expect(found.last?.hasPrefix(isTerminal ? "\u{1B}[Kvalidation" : "validation") == true, "\(found)")
      #expect(found.last?.contains("  batch \(isTerminal ? 8 : 6)/8  chunk 8  ") == true, "\(found)")
      #expect(found.last?.contains(" tokens/s  left 0:00:") == true, "\(found)")
      #expect(recorder.text.hasSuffix(isTerminal ? "\r\u{1B}[K" : "\n"))
    }
  }

  @Test func `an evaluation that is quick shows nothing where lines stay`() {
    let line = EvaluationProgressLine(
      "evaluation", batchCount: 3, console: recorder.console(isTerminal: false), interval: .seconds(60))
    for _ in 1...3 { line.advance(tokenCount: 10, chunkSize: 2) }
    line.finish()
    #expect(recorder.text.isEmpty)
  }

  @Test func `a log line goes above the status line`() {
    let console = recorder.console(isTerminal: true)
    console.show(status: "step 1")
    console.print("saved")
    console.endStatus()
    console.print("done")
    #expect(recorder.text == "\r\u{1B}[Kstep 1\r\u{1B}[Ksaved\nstep 1\ndone\n")
  }

  @Test func `the rate follows the last window only`() throws {
    var rate = SlidingRate(window: .seconds(10))
    #expect(rate.perSecond == nil)
    for second in 0...100 { rate.note(Double(second * 50), at: start + .seconds(second)) }
    #expect(try abs(#require(rate.perSecond) - 50) < 1e-9)
    for second in 1...20 { rate.note(Double(5000 + second * 200), at: start + .seconds(100 + second)) }
    #expect(try abs(#require(rate.perSecond) - 200) < 1e-9)
  }

  @Test func `quick steps keep the rate right`() throws {
    var rate = SlidingRate(window: .seconds(10))
    for step in 0...20_000 { rate.note(Double(step), at: start + .milliseconds(step)) }
    #expect(try abs(#require(rate.perSecond) - 1000) < 1)
  }
}

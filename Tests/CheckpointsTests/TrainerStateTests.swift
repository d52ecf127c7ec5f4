import Checkpoints
import FaultSupport
import Foundation
import JSON
import Testing

struct TrainerStateTests {
  @Test func `a state comes back equal`() throws {
    let scratch = try Scratch()
    let state = SampleCheckpoint.state(step: 1000)
    let path = try scratch.file("trainer_state.json", Array(state.text.utf8))
    #expect(try TrainerState(reading: path) == state)
  }

  @Test(arguments: ["of ranks", nil]) func `the order of sums is kept, and is unknown before the third version`(
    order: String?
  ) throws {
    var state = SampleCheckpoint.state(step: 9)
    state.sumOrder = order
    #expect(try TrainerState(text: Array(state.text.utf8), source: "state") == state)
    let lines = state.text.split(separator: "\n").filter { !$0.contains("sum_order") }
    let text = lines.joined(separator: "\n").replacing("\"format_version\": 3", with: "\"format_version\": 2")
    state.sumOrder = nil
    #expect(try TrainerState(text: Array(text.utf8), source: "state") == state)
  }

  @Test func `a state of the first version has no recent losses`() throws {
    let scratch = try Scratch()
    var state = SampleCheckpoint.state(step: 9)
    let lines = state.text.split(separator: "\n").filter {
      !$0.contains("spike_total") && !$0.contains("recent_losses") && !$0.contains("sum_order")
    }
    .filter { !$0.contains("\"2,4\"") }
    let text = lines.joined(separator: "\n").replacingOccurrences(
      of: "\"format_version\": 3", with: "\"format_version\": 1")
    let mended = text.replacingOccurrences(of: "  },\n  \"invariants\"", with: "  \"invariants\"")
    let path = try scratch.file("trainer_state.json", Array(mended.utf8))
    state.recentLosses = [:]
    state.spikeTotal = 0
    state.sumOrder = nil
    #expect(try TrainerState(reading: path) == state, "\(mended)")
  }

  @Test(arguments: [
    (#""step": 9"#, #""step": -1"#, "key step: found -1, allowed: an integer in 0..."),
    (#""step": 9"#, #""step": 9.5"#, "key step: found 9.5, allowed: an integer in 0..."),
    (#""step": 9"#, #""step": "9""#, #"key step: found text "9", allowed: an integer in 0..."#),
    (#""step": 9"#, #""stop": 9"#, "key step is missing"),
    (#""step": 9"#, #""step": 9, "stop": 9"#, "key: found stop, allowed: only the keys of this format version"),
    (#""step": 9"#, #""step": 9, "step": 9"#, #"key "step" occurs twice"#),
    (#""format_version": 3"#, #""format_version": 4"#, "key format_version: found 4, allowed: an integer in 1...3"),
    (#""2,4": [2.5"#, #""2,4": [null"#, "key recent_losses.2,4: found [null, 0.1], allowed: a list of numbers"),
    (#""2,4": [2.5, 0.1]"#, #""2,4": 2.5"#, "key recent_losses.2,4: found 2.5, allowed: a list of numbers"),
    (#""epoch": 1"#, #""epoch": null"#, "key sample_cursor.epoch: found null, allowed: an integer in 0..."),
    (#""world_size": 2"#, #""world_size": 0"#, "key world_size: found 0, allowed: an integer in 1..."),
    (#""blas_core": "Cooperlake""#, #""blas_core": 1"#, "key blas_core: found 1, allowed: text"),
    (#""sum_order": "of ranks""#, #""sum_order": 1"#, "key sum_order: found 1, allowed: text"),
    ("{", "[", "content, line 2: found broken JSON"),
  ])
  func `a malformed state is refused with its reason`(part: String, replacement: String, says: String) throws {
    let scratch = try Scratch()
    let text = SampleCheckpoint.state(step: 9).text
    let range = try #require(text.range(of: part))
    let path = try scratch.file(
      "trainer_state.json", Array(text.replacingCharacters(in: range, with: replacement).utf8))
    let found = try message { _ = try TrainerState(reading: path) }
    #expect(found.hasPrefix(path + ": ") && found.contains(says), "\(found)")
  }
}

import JSON
import Testing

@testable import Training

struct RunChangesTests {
  private static func run(_ key: String, _ value: JSONValue, schedule: String) -> JSONValue {
    let (section, name) = (key.prefix { $0 != "." }, key.drop { $0 != "." }.dropFirst())
    var sections: [String: [JSONValue.Entry]] = ["train": [.init(key: "chunk_schedule", value: .text(schedule))]]
    sections[String(section), default: []].append(.init(key: String(name), value: value))
    return .mapping(sections.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .mapping($0.value)) })
  }

  @Test(arguments: [
    "model.hidden_size", "model.anything_new", "data.train", "data.context", "data.kind", "data.anything_new",
    "train.seed", "train.batch_size", "train.chunk_sizes", "train.chunk_weights",
  ])
  func `what decides what is computed from which data is refused`(key: String) {
    let changes = RunChanges(Self.run(key, 2, schedule: "uniform"), since: Self.run(key, 3, schedule: "uniform"))
    #expect(changes.applied.isEmpty)
    #expect(changes.refused.map(\.key) == [key] && changes.refused[0].first == 2 && changes.refused[0].second == 3)
  }

  @Test(arguments: [
    "train.steps", "train.accumulation", "train.precision", "train.recompute", "train.spike_threshold",
    "optimizer.learning_rate",
    "schedule.warmup_steps",
    "checkpoint.interval", "parallel.threads", "logging.interval", "data.validation", "data.validation_samples",
  ])
  func `all else is applied`(key: String) {
    let changes = RunChanges(Self.run(key, 2, schedule: "uniform"), since: Self.run(key, 3, schedule: "uniform"))
    #expect(changes.refused.isEmpty)
    #expect(changes.applied.map(\.key) == [key] && changes.applied[0].first == 2 && changes.applied[0].second == 3)
  }

  @Test func `micro-batches that have chunk sizes of their own stay as many`() {
    let key = "train.accumulation"
    let changes = RunChanges(Self.run(key, 2, schedule: "cycle"), since: Self.run(key, 3, schedule: "cycle"))
    #expect(changes.refused.map(\.key) == [key])
  }

  @Test func `numbers of one value are the same, be they whole or not`() {
    let key = "model.rope_theta"
    let changes = RunChanges(Self.run(key, 10000, schedule: "cycle"), since: Self.run(key, 1e4, schedule: "cycle"))
    #expect(changes.refused.isEmpty && changes.applied.isEmpty)
  }

  @Test func `data may move where it is known by its content`() {
    let (now, before) = (
      Self.run("data.train", "here", schedule: "uniform"), Self.run("data.train", "there", schedule: "uniform")
    )
    let changes = RunChanges(now, since: before, knowsData: true)
    #expect(changes.refused.isEmpty && changes.applied.map(\.key) == ["data.train"])
    #expect(changes.ofResults.isEmpty)
    let context = RunChanges(
      Self.run("data.context", 2, schedule: "uniform"), since: Self.run("data.context", 3, schedule: "uniform"),
      knowsData: true)
    #expect(context.refused.map(\.key) == ["data.context"])
  }

  @Test(arguments: [
    ("optimizer.learning_rate", true), ("train.steps", true), ("data.validation", true), ("parallel.threads", false),
  ])
  func `where a run runs does not make another one of it`(key: String, isAnother: Bool) {
    let changes = RunChanges(Self.run(key, 2, schedule: "uniform"), since: Self.run(key, 3, schedule: "uniform"))
    #expect(changes.ofResults.map(\.key) == (isAnother ? [key] : []))
  }

  @Test func `sources may move where they are known by their content, their weights stay`() {
    func run(_ path: String, _ weight: JSONValue) -> JSONValue {
      let source: JSONValue = ["path": [.text(path)], "weight": weight, "format": "auto"]
      return Self.run("data.sources", [source, ["path": ["b"], "weight": 1, "format": "auto"]], schedule: "uniform")
    }
    let moved = RunChanges(run("there", 2), since: run("here", 2), knowsData: true)
    #expect(moved.refused.isEmpty && moved.applied.map(\.key) == ["data.sources"] && moved.ofResults.isEmpty)
    let weighed = RunChanges(run("here", 3), since: run("here", 2), knowsData: true)
    #expect(weighed.refused.map(\.key) == ["data.sources"])
    #expect(RunChanges(run("there", 2), since: run("here", 2)).refused.map(\.key) == ["data.sources"])
  }
}

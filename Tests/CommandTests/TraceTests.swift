import Foundation
import JSON
import Testing

extension CommandTests {
  /// `train.trace_steps`: what all ranks did in some steps, as Perfetto opens it.
  @Suite struct TraceTests {
    /// An event of the file, checked against what the format demands of its kind.
    private struct Event {
      let name: String
      let kind: String
      let rank: Int
      let track: Int
      let start: Double
      let end: Double
      let arguments: JSONValue

      /// Nil for metadata.
      init?(_ value: JSONValue, metadata: inout [String: [JSONValue]]) throws {
        let name = try #require(value["name"]?.textValue, "\(value.json())")
        let rank = try #require(value["pid"]?.integerValue, "\(value.json())")
        let track = try #require(value["tid"]?.integerValue, "\(value.json())")
        let arguments = try #require(value["args"], "\(value.json())")
        #expect(arguments.entries != nil && rank >= 0 && track >= 0)
        let phase = try #require(value["ph"]?.textValue)
        if phase == "M" {
          metadata["\(name) \(rank)", default: []].append(arguments)
          return nil
        }
        #expect(phase == "X", "\(value.json())")
        let start = try #require(value["ts"]?.numberValue, "\(value.json())")
        let duration = try #require(value["dur"]?.numberValue, "\(value.json())")
        #expect(start >= 0 && duration >= 0 && start.isFinite && duration.isFinite)
        self.name = name
        self.rank = rank
        self.track = track
        self.start = start
        self.end = start + duration
        self.arguments = arguments
        kind = try #require(value["cat"]?.textValue)
      }
    }

    @Test(arguments: ["on", "off"])
    func `two ranks are in one file, with steps, phases, ops, sums and batches`(overlap: String) throws {
      let workspace = try Workspace()
      let arguments = ["--set", "train.trace_steps=[3,4]", "--set", "parallel.overlap=\(overlap)"]
      try Command.mpirun(ranks: 2, Workspace.training("run") + arguments, in: workspace.path).run().succeeded()
      let text = String(decoding: try workspace.bytes("run/trace.json"), as: UTF8.self)
      let file = try JSONValue(json: text)
      #expect(file.entries?.map(\.key) == ["displayTimeUnit", "traceEvents"])
      var metadata: [String: [JSONValue]] = [:]
      let events = try #require(file["traceEvents"]?.listValue).compactMap { try Event($0, metadata: &metadata) }
      for rank in 0...1 {
        let name = metadata["process_name \(rank)"]?.first?["name"]?.textValue ?? ""
        #expect(name.hasPrefix("rank \(rank) on "), "\(metadata)")
        #expect(metadata["thread_name \(rank)"]?.compactMap { $0["name"]?.textValue }.count == 3)
        let own = events.filter { $0.rank == rank }
        let steps = own.filter { $0.kind == "step" }
        #expect(steps.map(\.name) == ["step 3", "step 4"])
        for step in steps {
          let inside = own.filter { $0.track == step.track && $0.start >= step.start && $0.end <= step.end + 0.01 }
          let phases = Set(inside.filter { $0.kind == "phase" }.map(\.name))
          #expect(phases.isSuperset(of: ["data", "forward", "backward", "communication", "optimizer"]), "\(phases)")
          let ops = inside.filter { $0.kind == "op" }
          #expect(Set(ops.map(\.name)).isSuperset(of: ["linear", "linear backward", "headLoss"]), "\(ops.map(\.name))")
          #expect(ops.contains { $0.arguments["parameter"]?.textValue?.hasPrefix("model.") == true })
          let sums = own.filter { $0.kind == "communication" && $0.start >= step.start && $0.end <= step.end + 0.01 }
          #expect(sums.contains { $0.name == "allReduce" && $0.arguments["bytes"]?.integerValue ?? 0 > 1000 })
        }
        #expect(own.contains { $0.kind == "data" && $0.name.hasPrefix("batches of step ") })
        // On one track, what overlaps is one within the other.
        let nested = own.filter { $0.track == 0 }
        for (outer, inner) in zip(nested, nested.dropFirst()) where inner.start < outer.end {
          #expect(inner.end <= outer.end + 0.002, "\(outer) \(inner)")
        }
      }
      // The ranks' clocks agree: a sum of both ends when the later of them has begun it.
      let ends = (0...1).map { rank in events.filter { $0.rank == rank && $0.kind == "step" }.map(\.start) }
      #expect(ends[0].count == 2 && ends[1].count == 2)
    }

    @Test func `a traced run computes what any other does, and without steps to trace there is no file`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.train(run: "traced", "--set", "train.trace_steps=2,12").succeeded()
      #expect(try workspace.losses(run: "traced") == workspace.losses())
      #expect(FileManager.default.fileExists(atPath: workspace.file("traced/trace.json")))
      #expect(!FileManager.default.fileExists(atPath: workspace.file("run/trace.json")))
    }

    @Test(arguments: [("[0]", "1..."), ("[13]", "at most steps 12"), ("[a]", "integer")])
    func `steps that cannot be traced are refused in a line`(value: String, allowed: String) throws {
      let outcome = try Workspace().train("--set", "train.trace_steps=\(value)")
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("train.trace_steps") && outcome.errors.contains(allowed), "\(outcome.errors)")
    }
  }
}

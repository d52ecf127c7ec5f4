import Foundation
import JSON
import Testing

extension CommandTests {
  /// `catlm report` and `catlm compare`.
  @Suite struct ReportTests {
    private static let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].first {
      FileManager.default.isExecutableFile(atPath: $0)
    }

    /// Two runs that were evaluated, with samples, and a page about them.
    private func reported() throws -> Workspace {
      let workspace = try Workspace()
      let samples = ["--set", "train.sample_interval=6", "--set", "train.sample_prompt=7 times"]
      for (run, rate) in [("one", "1.0e-3"), ("two", "2.0e-3")] {
        let settings = ["--set", "optimizer.learning_rate=\(rate)", "--set", "train.validation_interval=4"]
        try Command.catlm(Workspace.training(run) + settings + samples, in: workspace.path).run().succeeded()
        try workspace.catlm("evaluate", run, "--quiet").succeeded()
      }
      try workspace.catlm("report", "one", "two", "--output", "page.html").succeeded()
      return workspace
    }

    @Test(.enabled(if: browser != nil, "no chromium (apt-get install chromium)"))
    func `a browser shows the curves and the axes, and has nothing to complain of`() throws {
      let workspace = try reported()
      let outcome = try Command(
        executable: try #require(Self.browser),
        arguments: [
          "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1000,3000",
          "--virtual-time-budget=2000", "--user-data-dir=\(workspace.file("browser"))",
          "--screenshot=\(workspace.file("page.png"))", "--dump-dom", "file://\(workspace.file("page.html"))",
        ], directory: workspace.path
      ).run().succeeded()
      #expect(!outcome.errors.contains("CONSOLE"), "\(outcome.errors)")
      let page = outcome.output
      for size in [1, 2, 8] { #expect(page.contains("aria-label=\"Loss at C = \(size)\""), "\(size)") }
      for run in 0...1 { #expect(page.contains("class=\"run\(run)\" stroke=")) }
      for axis in [
        "loss, nats a target", "cache of a sequence", "microseconds a token", "learning rate", "norm before clipping",
        "tokens a second", "share of the ceiling", "bytes of the process", "milliseconds a step",
      ] {
        #expect(page.contains(">\(axis)</text>"), "\(axis)")
      }
      for heading in ["Where the time goes", "Quality against cost", "Samples", "What differs"] {
        #expect(page.contains(">\(heading)</h2>"), "\(heading)")
      }
      #expect(page.contains("aria-label=\"Forward\"") && page.contains("aria-label=\"Backward\""))
      // Lines in both colours, and not a blank page.
      #expect(page.components(separatedBy: "<polyline").count > 12)
      #expect(try workspace.bytes("page.png").count > 20_000)
    }

    @Test func `a page has both runs, their evaluations, samples and what differs`() throws {
      let workspace = try reported()
      let page = String(decoding: try workspace.bytes("page.html"), as: UTF8.self)
      for text in [
        "<th scope=\"row\">one</th>", "<td>validation</td>", "7 times", "optimizer.learning_rate", "front run",
      ] {
        #expect(page.contains(text), "\(text)")
      }
      let records = String(decoding: try workspace.bytes("one/evaluations.jsonl"), as: UTF8.self)
      let found = try records.split(separator: "\n").map { try JSONValue(json: String($0)) }
      #expect(found.map { $0["chunk_size"] } == [1, 2, 8])
      #expect(found.allSatisfy { $0["step"] == 12 && $0["source"] == "validation" && $0["context"] == 32 })
    }

    @Test func `runs are compared in the terminal and as JSON`() throws {
      let workspace = try reported()
      let outcome = try workspace.catlm("compare", "one", "two").succeeded()
      #expect(outcome.output.contains("optimizer.learning_rate  0.001  0.002"), "\(outcome.output)")
      let object = try JSONValue(json: try workspace.catlm("compare", "one", "two", "--json").succeeded().output)
      #expect(object["runs"]?.listValue?.count == 2 && object["differences"]?.listValue?.count == 1)
      #expect(object["runs"]?.listValue?.first?["validation_losses"]?.listValue?.count == 3)
    }

    @Test func `an evaluation that cannot be kept is printed all the same`() throws {
      let workspace = try Workspace(isTrained: true)
      try FileManager.default.createDirectory(
        atPath: workspace.file("run/evaluations.jsonl"), withIntermediateDirectories: true)
      let outcome = try workspace.catlm("evaluate", "run", "--quiet", "--chunk-sizes", "2").succeeded()
      #expect(outcome.output.contains("chunk size"))
      #expect(outcome.errors.contains("run/evaluations.jsonl: cannot be written"), "\(outcome.errors)")
    }
  }
}

import JSON
import Testing

@testable import Report

@Suite struct ReportPageTests {
  private static func history(
    _ name: String, rate: Double, sizes: [Int?] = [4, 16], evaluations: String = ""
  ) throws -> RunHistory {
    let steps = (1...40).flatMap { step -> [String] in
      let size = sizes[step % sizes.count].map { ", \"chunk_size\": \($0)" } ?? ""
      let training = """
        {"step": \(step), "loss": \(6 - Double(step) * rate)\(size), "learning_rate": 0.001, "gradient_norm": 1.5, \
        "tokens": \(step * 100), "seconds": 0.1, "data_seconds": 0.001, "forward_seconds": 0.04, \
        "backward_seconds": 0.05, "communication_seconds": 0, "optimizer_seconds": 0.008, "other_seconds": 0.001, \
        "tokens_per_second": \(900 + step), "mfu": 0.345, "memory_bytes": 1048576, "peak_memory_bytes": 2097152, \
        "checkpoint_stall_seconds": 0}
        """
      guard step % 20 == 0 else { return [training] }
      return [training]
        + sizes.map { size in
          let key = size.map { ", \"chunk_size\": \($0)" } ?? ""
          return "{\"step\": \(step), \"validation_loss\": \(6.5 - Double(step) * rate)\(key), \"accuracy\": 0.25}"
        }
    }
    let sample = #"{"step": 40, "chunk_size": 4, "prompt": "a < b", "text": " & \"more\""}"#
    return try RunHistory(
      name: name, lines: (steps + [sample]).joined(separator: "\n"), source: name,
      configuration: [
        "optimizer": ["learning_rate": .number(rate), "beta1": 0.9], "train": ["steps": 40],
      ], evaluations: evaluations)
  }

  private static let evaluations = """
    {"chunk_size":16,"loss":3.0,"accuracy":0.2,"tokens_per_second":50.0,"cache_bytes":1024,"step":20,"source":"validation"}
    {"chunk_size":4,"loss":2.0,"accuracy":0.4,"tokens_per_second":100.0,"cache_bytes":4096,"step":40,"source":"validation"}
    {"chunk_size":16,"loss":2.5,"accuracy":0.3,"tokens_per_second":200.0,"cache_bytes":1024,"step":40,"source":"validation"}
    {"chunk_size":16,"loss":2.2,"accuracy":0.3,"tokens_per_second":200.0,"cache_bytes":1024,"step":40,"source":"validation"}
    """

  @Test func `a page has every section, and nothing that is fetched or run`() throws {
    let runs = [
      try Self.history("first", rate: 0.05, evaluations: Self.evaluations), try Self.history("<b>", rate: 0.06),
    ]
    let html = ReportPage(runs, title: "a & b").html
    for id in ["runs", "loss", "training", "phases", "tradeoff", "samples", "differences", "configurations"] {
      #expect(html.contains("<h2 id=\"\(id)\">"), "\(id)")
    }
    for title in [
      "Loss at C = 4", "Loss at C = 16", "Learning rate", "Gradient norm", "Speed", "Loss against cache",
      "Model FLOP/s utilisation", "Memory of rank 0", "Forward", "Backward",
    ] {
      #expect(html.contains("aria-label=\"\(title)\""), "\(title)")
    }
    for cell in ["40.0 ms (40.0 %)", "34.5 %", "2.0 MiB", "<th scope=\"col\">communication exposed</th>"] {
      #expect(html.contains(cell), "\(cell)")
    }
    // Nothing to draw where nothing was waited for.
    #expect(!html.contains("aria-label=\"Communication exposed\"") && !html.contains("aria-label=\"Waiting for"))
    #expect(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"))
    #expect(!html.contains("<b>,") && html.contains("&lt;b&gt;"))
    #expect(html.contains("<pre><b>a &lt; b</b> &amp; &quot;more&quot;</pre>"))
    #expect(html.contains("<title>a &amp; b</title>"))
    #expect(!html.contains("nan") && !html.contains("-0.00"))
  }

  @Test func `of what was evaluated the newest counts, and the front is ringed`() throws {
    let run = try Self.history("a", rate: 0.05, evaluations: Self.evaluations)
    let newest = Evaluations(run)
    #expect(newest.rows.map { $0["chunk_size"] } == [4, 16])
    #expect(newest.rows.map { $0["loss"] } == [2.0, 2.2])
    // Small chunks have the lower loss and the larger cache: neither beats the other. The time a token decides alike.
    let other = try Self.history(
      "b", rate: 0.05, evaluations: #"{"chunk_size":8,"loss":2.3,"cache_bytes":2048,"step":1}"#)
    let plot = try #require(Evaluations.plot([newest, Evaluations(other)], x: .cacheBytes, y: .loss))
    #expect(plot.svg.components(separatedBy: "class=\"front run0\"").count == 3)
    #expect(!plot.svg.contains("front run1"))
    #expect(Evaluations.plot([Evaluations(other)], x: .secondsPerToken, y: .loss) == nil)
  }

  @Test func `each task has its charts and tables, with what its parts found`() throws {
    let evaluations = """
      {"chunk_size":4,"task":"needle","accuracy":0.9,"cells":[{"length":512,"depth":50,"accuracy":0.875}],\
      "tokens_per_second":10,"cache_bytes":4096,"step":40,"source":"needle"}
      {"chunk_size":16,"task":"needle","accuracy":0.4,"tokens_per_second":20,"cache_bytes":1024,"step":40,"source":"needle"}
      {"chunk_size":4,"task":"mqar","loss":0.5,"accuracy":0.99,"segments":[{"length":64,"pairs":8,"accuracy":0.9925}],\
      "tokens_per_second":10,"cache_bytes":4096,"step":40,"source":"mqar"}
      {"chunk_size":4,"loss":"nan","accuracy":0.5,"tokens_per_second":10,"cache_bytes":4096,"step":40,"source":"validation"}
      """
    let run = try Self.history("a", rate: 0.05, evaluations: evaluations)
    #expect(Evaluations(run, task: .needle).rows.count == 2 && Evaluations(run, task: .choices).rows.isEmpty)
    let html = ReportPage([run], title: "a").html
    for title in ["Recall of needles against cache", "Recall of pairs against time a token", "Accuracy against cache"] {
      #expect(html.contains("aria-label=\"\(title)\""), "\(title)")
    }
    for cell in ["50 % deep", "0.8750", "8 pairs", "0.9925", "<td>nan</td>"] { #expect(html.contains(cell), "\(cell)") }
    #expect(!html.contains("aria-label=\"Loss against cache\""))
  }

  @Test func `runs compare by their last and lowest losses, their speed and the settings that differ`() throws {
    let comparison = RunComparison([
      try Self.history("a", rate: 0.05), try Self.history("b", rate: 0.06, sizes: [nil]),
    ])
    #expect(comparison.chunkSizes == [nil, 4, 16])
    #expect(comparison.rows[0].step == 40 && comparison.rows[0].tokens == 4000)
    #expect(comparison.rows[0].tokensPerSecond == 921)
    let loss = try #require(comparison.rows[0].losses.first { $0.chunkSize == 16 })
    #expect(loss.last == 4.5 && loss.best == 4.5 && loss.bestStep == 40)
    #expect(comparison.rows[1].losses.map(\.chunkSize) == [nil])
    #expect(comparison.differences.map(\.key) == ["optimizer.learning_rate"])
    #expect(comparison.differences[0].values == [.number(0.05), .number(0.06)])
  }

  @Test func `a run that has only begun has a page`() throws {
    let run = try RunHistory(name: "a", lines: #"{"step": 1, "loss": 5.5}"#, source: "a")
    let html = ReportPage([run], title: "a").html
    #expect(html.contains("Loss without chunks") && !html.contains("<h2 id=\"differences\">"))
  }
}

import Foundation
import JSON
import Testing

@testable import Report

@Suite struct PlotTests {
  @Test func `an axis holds its values with room at both ends`() {
    let axis = PlotAxis([1.5, 2], scale: .linear)
    #expect(abs(axis.position(1.5) - 1.0 / 12) < 1e-12)
    #expect(abs(axis.position(2) - 11.0 / 12) < 1e-12)
    #expect(axis.ticks.map { Int(($0 * 10).rounded()) } == [15, 16, 17, 18, 19, 20])
  }

  @Test func `a logarithmic axis puts equal factors equally far apart and marks powers of two`() {
    let axis = PlotAxis([64.0, 128, 256], scale: .logarithmic)
    #expect(abs(axis.position(128) - 0.5) < 1e-12)
    #expect(axis.ticks == [64, 128, 256])
    #expect(PlotAxis([1.0, 1e9], scale: .logarithmic).ticks.count <= 8)
  }

  @Test(arguments: [[3], [0], [1e9, 1e9], [-2, -1]] as [[Double]]) func `an axis of any values has marks`(
    values: [Double]
  ) {
    let axis = PlotAxis(values, scale: .linear)
    #expect((1...9).contains(axis.ticks.count), "\(axis.ticks)")
    #expect(values.allSatisfy { (0...1).contains(axis.position($0)) })
  }

  private static let rows = """
    {"chunk_size": 16, "loss": 1.75, "accuracy": 0.5, "tokens_per_second": 900.0, "cache_bytes": 98304}
    {"chunk_size": 4, "loss": 1.9, "accuracy": 0.4, "tokens_per_second": 700.0, "cache_bytes": 147456}
    """

  @Test(arguments: TradeOff.Quantity.allCases, TradeOff.Quantity.allCases)
  func `a picture is one XML document with each point and each name`(x: TradeOff.Quantity, y: TradeOff.Quantity) throws
  {
    let dense = #"{"chunk_size": null, "loss": 1.6, "accuracy": 0.5, "tokens_per_second": 1.0, "cache_bytes": 524288}"#
    let results = [
      try TradeOff(name: "adaptive", lines: Self.rows, source: "a"),
      try TradeOff(name: "<dense>", lines: dense, source: "b"),
    ]
    let svg = try TradeOff.plot(results, title: "loss & cache", x: x, y: y).svg
    let parser = XMLCheck()
    #expect(parser.accepts(svg), "\(svg)")
    #expect(parser.counts["circle"] == 3 && parser.counts["polyline"] == 2)
    for text in ["C = 16", "C = 4", "adaptive", "<dense>", "loss & cache"] { #expect(parser.texts.contains(text)) }
    #expect(!svg.contains("nan") && !svg.contains("inf"))
  }

  @Test(arguments: ["", "loss 3", #"{"step": 1}"#, Self.rows + "\n{}"])
  func `what evaluate did not print is refused with its line`(lines: String) {
    let error = #expect(throws: PlotError.self) { try TradeOff(name: "a", lines: lines, source: "a.jsonl") }
    #expect(error?.description.hasPrefix("a.jsonl") == true)
    #expect(error?.description.contains("catlm evaluate --json") == true)
  }

  @Test func `a run's curve is the training loss in few points and the validation loss at each chunk size`() throws {
    let training = (1...1000).map { "{\"step\": \($0), \"loss\": \(5 - Double($0) / 500), \"chunk_size\": 4}" }
    let others = [
      #"{"step": 500, "validation_loss": 4.1, "chunk_size": 4}"#,
      #"{"step": 500, "validation_loss": 4.2, "chunk_size": 8}"#,
      #"{"step": 1000, "validation_loss": 3.1, "chunk_size": 4}"#, #"{"step": 1000, "text": "a", "chunk_size": 4}"#,
      #"{"step": 1001, "loss": "nan"}"#, #"{"step": 1001, "lo"#,
    ]
    let lines = (training + others).joined(separator: "\n")
    let series = try RunHistory(name: "a", lines: lines, source: "a").series(isNamed: true)
    #expect(series.map(\.name) == ["a: training", "a: validation, C = 4", "a: validation, C = 8"])
    #expect(series[0].points.count == 143 && abs(series[0].points[0].y - 4.992) < 1e-9)
    #expect(series[1].points.map(\.y) == [4.1, 3.1])
    let svg = RunHistory.plot([try RunHistory(name: "a", lines: lines, source: "a")], title: "a").svg
    #expect(XMLCheck().accepts(svg) && svg.contains("validation, C = 8") && !svg.contains("a: "))
  }

  @Test func `the picture in the documentation shows the numbers of the table beside it`() throws {
    let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs")
    let table = try String(contentsOf: docs.appending(path: "variants.md"), encoding: .utf8)
    let rows = table.split(separator: "\n").map { line in
      line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    let results = try ["adaptive CAT", "fixed CAT", "dense"].map { name in
      let lines = rows.filter { $0.count == 6 && $0[0].prefix { $0 != "," } == name }.map { row in
        "{\"chunk_size\": \(row[1] == "–" ? "null" : row[1]), \"loss\": \(row[2]), \"cache_bytes\": \(row[5])}"
      }
      return try TradeOff(name: name, lines: lines.joined(separator: "\n"), source: "docs/variants.md")
    }
    let title = "One adaptive model beside others"
    let picture = try TradeOff.plot(results, title: title, x: .cacheBytes, y: .loss).svg
    #expect(try String(contentsOf: docs.appending(path: "tradeoff.svg"), encoding: .utf8) == picture)
  }

  @Test func `metrics without a loss cannot be drawn`() {
    #expect(throws: PlotError.self) { try RunHistory(name: "a", lines: "{}\n", source: "a") }
  }

  @Test func `a loss that is no number cannot be drawn`() throws {
    let result = try TradeOff(name: "a", lines: #"{"chunk_size": 4, "loss": "nan", "cache_bytes": 3}"#, source: "a")
    #expect(throws: PlotError.self) { try TradeOff.plot([result], title: "", x: .cacheBytes, y: .loss) }
  }
}

/// The elements and texts of a small XML document, read without a parser of the system's.
private final class XMLCheck {
  private(set) var counts: [String: Int] = [:]
  private(set) var texts: [String] = []

  /// Whether the tags are nested well and quotes closed.
  func accepts(_ document: String) -> Bool {
    var open: [Substring] = []
    for part in document.split(separator: "<", omittingEmptySubsequences: true) {
      let halves = part.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2, halves[0].count(where: { $0 == "\"" }) % 2 == 0 else { return false }
      let name = halves[0].prefix { $0.isLetter || $0 == "/" }
      if name.hasPrefix("/") {
        guard open.popLast() == name.dropFirst() else { return false }
      } else {
        counts[String(name), default: 0] += 1
        if !halves[0].hasSuffix("/") { open.append(name) }
      }
      let text = halves[1].trimmingCharacters(in: .whitespacesAndNewlines)
      let known = text.replacing("&lt;", with: "<").replacing("&gt;", with: ">")
      if !text.isEmpty { texts.append(known.replacing("&amp;", with: "&")) }
    }
    return open.isEmpty
  }
}

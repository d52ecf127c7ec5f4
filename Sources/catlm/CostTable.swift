import Benchmarks
import Settings
import Telemetry

/// How the cost of steps is printed: a table a curve, then the price of a CAT.
enum CostTable {
  static func text(_ report: CostReport) -> String {
    let price = report.price
    return (report.curves.map(text) + (price.isEmpty ? [] : [text(price)])).joined(separator: "\n\n")
  }

  private static func text(_ curve: CostCurve) -> String {
    var table = TextTable([
      "context", "chunk size", "seconds", "on the line", "off by", "µs a token", "operations", "tensors",
    ])
    for point in curve.points {
      table.add([
        "\(point.context)", point.chunkSize.map(String.init) ?? "–", Format.fixed(point.seconds, digits: 4),
        curve.predictedSeconds(point).map { Format.fixed($0, digits: 4) } ?? "–",
        curve.deviation(point).map { Format.fixed(100 * $0, digits: 1) + " %" } ?? "–",
        Format.fixed(point.seconds / Double(point.tokenCount) * 1e6, digits: 1),
        Format.scientific(point.operations, digits: 3), Format.bytes(point.tensorBytes),
      ])
    }
    return "\(curve.name): \(line(curve))\n" + table.text
  }

  private static func line(_ curve: CostCurve) -> String {
    guard let fixed = curve.fixedSeconds, let rate = curve.operationsPerSecond, let deviation = curve.largestDeviation
    else { return "too few points for a line" }
    return "\(Format.fixed(fixed, digits: 4)) s + operations / \(Format.fixed(rate / 1e9, digits: 1)) GFLOP/s, "
      + "at most \(Format.fixed(100 * deviation, digits: 1)) % off"
  }

  private static func text(_ price: [(context: Int, cat: CostPoint, dense: CostPoint)]) -> String {
    var table = TextTable(["context", "cat seconds", "dense seconds", "cat / dense"])
    for (context, cat, dense) in price {
      table.add([
        "\(context)", Format.fixed(cat.seconds, digits: 4), Format.fixed(dense.seconds, digits: 4),
        Format.fixed(cat.seconds / dense.seconds, digits: 3),
      ])
    }
    return "price of a CAT\n" + table.text
  }

  static func object(_ curve: CostCurve) -> Setting {
    let number = { (value: Double?) in value.map(Setting.number) ?? .null }
    let points: [Setting] = curve.points.map { point in
      [
        "context": .integer(point.context), "chunk_size": point.chunkSize.map(Setting.integer) ?? .null,
        "samples": .integer(point.sampleCount), "operations": .number(point.operations),
        "seconds": .number(point.seconds), "predicted_seconds": number(curve.predictedSeconds(point)),
        "deviation": number(curve.deviation(point)), "tensor_bytes": .integer(point.tensorBytes),
      ]
    }
    return [
      "curve": .text(curve.name), "fixed_seconds": number(curve.fixedSeconds),
      "operations_per_second": number(curve.operationsPerSecond),
      "largest_deviation": number(curve.largestDeviation), "points": .list(points),
    ]
  }
}

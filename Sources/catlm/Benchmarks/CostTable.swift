import Benchmarks
import JSON
import Telemetry

/// How the cost of steps is printed: a table a curve, then the price of a CAT.
enum CostTable {
  static func text(_ report: CostReport) -> String {
    let price = report.price
    return (report.curves.map(text) + (price.isEmpty ? [] : [text(price)])).joined(separator: "\n\n")
  }

  private static func text(_ curve: CostCurve) -> String {
    var table = TextTable([
      "context", "chunk size", "seconds", "fitted", "off by", "µs a token", "products", "attention", "tensors",
    ])
    for point in curve.points {
      table.add([
        "\(point.context)", point.chunkSize.map(String.init) ?? "–", Format.fixed(point.seconds, digits: 4),
        curve.fit.map { Format.fixed($0.seconds(point), digits: 4) } ?? "–",
        curve.deviation(point).map { Format.fixed(100 * $0, digits: 1) + " %" } ?? "–",
        Format.fixed(point.seconds / Double(point.tokenCount) * 1e6, digits: 1),
        Format.scientific(point.productOperations, digits: 3), Format.scientific(point.attentionOperations, digits: 3),
        Format.bytes(point.tensorBytes),
      ])
    }
    return "\(curve.name): \(formula(curve))\n" + table.text
  }

  /// The fitted terms, how far the points are off, and what was not fitted and why.
  private static func formula(_ curve: CostCurve) -> String {
    guard let fit = curve.fit, let deviation = curve.largestDeviation else { return "too few points for a fit" }
    let rates =
      fit.form == .twoRates
      ? [("products", fit.productRate), ("attention", fit.attentionRate)] : [("operations", fit.productRate)]
    var terms = fit.fixedSeconds > 0 ? [Format.fixed(fit.fixedSeconds, digits: 4) + " s"] : []
    var notes = fit.fixedSeconds > 0 || fit.form == .rateAlone ? [] : ["no constant: it would be negative"]
    for (work, rate) in rates {
      if let rate {
        terms.append("\(work) / \(Format.fixed(rate / 1e9, digits: 1)) GFLOP/s")
      } else {
        notes.append("no term for \(work): it would be negative")
      }
    }
    switch fit.form {
    case .twoRates: break
    case .oneRate: notes.append("one rate: \(curve.points.count) points do not tell products from attention")
    case .rateAlone: notes.append("a rate alone: \(curve.points.count) points do not tell it from a constant")
    }
    let off = "at most \(Format.fixed(100 * deviation, digits: 1)) % off"
    return ([terms.joined(separator: " + ") + ", " + off] + notes).joined(separator: "; ")
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

  static func object(_ curve: CostCurve) -> JSONValue {
    let number = { (value: Double?) in value.map(JSONValue.number) ?? .null }
    let points: [JSONValue] = curve.points.map { point in
      [
        "context": .integer(point.context), "chunk_size": point.chunkSize.map(JSONValue.integer) ?? .null,
        "samples": .integer(point.sampleCount), "operations": .number(point.operations),
        "product_operations": .number(point.productOperations),
        "attention_operations": .number(point.attentionOperations), "seconds": .number(point.seconds),
        "predicted_seconds": number(curve.fit?.seconds(point)), "deviation": number(curve.deviation(point)),
        "tensor_bytes": .integer(point.tensorBytes),
      ]
    }
    return [
      "curve": .text(curve.name), "fit": curve.fit.map { .text($0.form.rawValue) } ?? .null,
      "fixed_seconds": number(curve.fit?.fixedSeconds),
      "product_operations_per_second": number(curve.fit?.productRate),
      "attention_operations_per_second": number(curve.fit?.attentionRate),
      "largest_deviation": number(curve.largestDeviation), "points": .list(points),
    ]
  }
}

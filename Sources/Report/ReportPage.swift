internal import JSON
internal import Settings
internal import Telemetry

/// Runs side by side on one page: a file of HTML that needs no other, no script and no network.
package struct ReportPage: Sendable {
  private let runs: [RunHistory]
  private let comparison: RunComparison
  private let title: String

  /// - Parameter runs: at least one, with names of their own.
  package init(_ runs: [RunHistory], title: String) {
    self.runs = runs
    self.title = title
    comparison = RunComparison(runs)
  }

  /// The page as a file's content.
  package var html: String {
    let sections = [
      summary, charts("Loss", "loss", lossPlots), charts("Training", "training", stepPlots), phases, tradeOff, samples,
      differences, configurations,
    ].compactMap { $0 }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <link rel="icon" href="data:,">
      <title>\(title.escaped)</title>
      <style>
      \(ReportStyle.css(runCount: runs.count))
      </style>
      </head>
      <body>
      <header>
      <h1>\(title.escaped)</h1>
      \(choices)
      </header>
      <main>
      \(sections.joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
  }

  /// A box for each run, which hides and shows it in all charts.
  private var choices: String {
    let boxes = runs.enumerated().map { index, run in
      "<label class=\"run\(index)\"><input type=\"checkbox\" id=\"run\(index)\" checked> \(run.name.escaped)</label>"
    }
    return "<fieldset><legend>Runs</legend>\n\(boxes.joined(separator: "\n"))\n</fieldset>"
  }

  // MARK: Sections

  private var summary: String {
    let sizes = comparison.chunkSizes
    var table = HTMLTable(
      ["run", "steps", "tokens", "tokens/s", "training loss"]
        + sizes.map { ($0.map { "C = \($0)" } ?? "loss") + ", last (best)" })
    for row in comparison.rows {
      let losses = sizes.map { size in
        row.losses.first { $0.chunkSize == size }.map {
          "\(Format.fixed($0.last, digits: 4)) (\(Format.fixed($0.best, digits: 4)) at \(Format.grouped($0.bestStep)))"
        }
      }
      table.add(
        [
          row.name, Format.grouped(row.step), row.tokens.map { Format.count($0) },
          row.tokensPerSecond.map { Format.count($0) }, row.trainingLoss.map { Format.fixed($0, digits: 4) },
        ] + losses)
    }
    return section("Runs", "runs", table.html)
  }

  private func charts(_ heading: String, _ id: String, _ plots: [Plot]) -> String? {
    plots.isEmpty ? nil : section(heading, id, figures(plots))
  }

  private func figures(_ plots: [Plot]) -> String {
    let figures = plots.map { plot in
      "<figure>\n\(plot.svg)<details><summary>Numbers</summary>\n\(plot.table.html)\n</details>\n</figure>"
    }
    return "<div class=\"charts\">\n\(figures.joined(separator: "\n"))\n</div>"
  }

  private var samples: String? {
    let parts = runs.enumerated().filter { !$1.samples.isEmpty }.map { index, run in
      let last = run.samples.last?.step
      let newest = run.samples.filter { $0.step == last }
      let older = run.samples.filter { $0.step != last }
      let more = older.isEmpty ? "" : "<details><summary>Earlier</summary>\n\(texts(older))\n</details>"
      return "<div class=\"run\(index)\">\n<h3>\(run.name.escaped)</h3>\n\(texts(newest))\n\(more)\n</div>"
    }
    return parts.isEmpty ? nil : section("Samples", "samples", parts.joined(separator: "\n"))
  }

  private func texts(_ samples: [RunHistory.Sample]) -> String {
    samples.map { sample in
      let size = sample.chunkSize.map { ", C = \($0)" } ?? ""
      return "<h4>Step \(Format.grouped(sample.step))\(size)</h4>\n"
        + "<pre><b>\(sample.prompt.escaped)</b>\(sample.text.escaped)</pre>"
    }.joined(separator: "\n")
  }

  private var differences: String? {
    guard runs.count > 1 else { return nil }
    var table = HTMLTable(["key"] + runs.map(\.name))
    for difference in comparison.differences { table.add([difference.key] + difference.values.map(\.shortText)) }
    let text = "<p>The runs' configurations agree in everything.</p>"
    return section("What differs", "differences", comparison.differences.isEmpty ? text : table.html)
  }

  private var configurations: String? {
    let parts = runs.filter { $0.configuration != .null }.map { run in
      "<details><summary>\(run.name.escaped)</summary>\n<pre>\(run.configuration.yaml().escaped)</pre>\n</details>"
    }
    return parts.isEmpty ? nil : section("Configurations", "configurations", parts.joined(separator: "\n"))
  }

  private func section(_ heading: String, _ id: String, _ content: String) -> String {
    "<section aria-labelledby=\"\(id)\">\n<h2 id=\"\(id)\">\(heading)</h2>\n\(content)\n</section>"
  }
}

// MARK: Charts

extension ReportPage {
  /// A chart a chunk size: training faint, validation with its dots.
  private var lossPlots: [Plot] {
    let sizes = Set(runs.flatMap(\.chunkSizes)).sorted { ($0 ?? 0) < ($1 ?? 0) }
    return sizes.compactMap { size in
      plot(size.map { "Loss at C = \($0)" } ?? "Loss without chunks", .loss) { index, run in
        let training = run.points { $0.chunkSize == size ? $0.loss : nil }
        return [
          Plot.Series(
            name: "\(run.name), training", points: training, hasDots: false, color: index, isFaint: true),
          Plot.Series(name: "\(run.name), validation", points: run.validationPoints(size), color: index),
        ]
      }
    }
  }

  /// A quantity of steps that has a chart.
  private struct Quantity {
    let title: String
    let caption: Plot.Caption
    let value: (RunHistory.Step) -> Double?

    init(_ title: String, _ caption: Plot.Caption, _ value: @escaping (RunHistory.Step) -> Double?) {
      self.title = title
      self.caption = caption
      self.value = value
    }
  }

  /// What else the records of steps say.
  private var stepPlots: [Plot] {
    let scientific = { @Sendable (value: Double) in value == 0 ? "0" : Format.scientific(value, digits: 1) }
    return plots([
      Quantity("Learning rate", Plot.Caption("learning rate", mark: scientific)) { $0.learningRate },
      Quantity("Gradient norm", Plot.Caption("norm before clipping") { Format.fixed($0, digits: 2) }) {
        $0.gradientNorm
      },
      Quantity("Speed", Plot.Caption("tokens a second") { Format.count($0) }) { $0.tokensPerSecond },
      Quantity("Model FLOP/s utilisation", Plot.Caption("share of the ceiling") { Format.percent($0) }) {
        $0.utilization
      },
      Quantity("Memory of rank 0", Plot.Caption("bytes of the process") { Format.bytes(Int($0)) }) {
        $0.record.memory.processBytes.map(Double.init)
      },
      Quantity("Waiting for checkpoints", Plot.Caption("seconds") { Format.fixed($0, digits: 2) }) {
        $0.checkpointStallSeconds.flatMap { $0 > 0 ? $0 : nil }
      },
    ])
  }

  private func plots(_ quantities: [Quantity]) -> [Plot] {
    quantities.compactMap { quantity in
      plot(quantity.title, quantity.caption) { index, run in
        [Plot.Series(name: run.name, points: run.points(quantity.value), hasDots: false, color: index)]
      }
    }
  }

  /// Where the seconds of a step go: means in a table, and a chart of each phase that takes any.
  private var phases: String? {
    let names = StepPhases.keys.map { $0.key.phaseName }
    var table = HTMLTable(
      ["run", "a step"] + names + ["checkpoint stall", "utilisation", "peak memory", "peak of tensors"])
    for run in runs where run.steps.contains(where: { $0.record.phases.forward != nil }) {
      let seconds = run.mean { $0.seconds }
      let parts = StepPhases.keys.map { phase in
        run.mean { $0.record.phases[keyPath: phase.path] }.map { part in
          let share = seconds.map { $0 > 0 ? " (\(Format.percent(part / $0)))" : "" } ?? ""
          return Format.milliseconds(part) + share
        }
      }
      let memory = run.steps.last { $0.record.memory.peakProcessBytes != nil }?.record.memory
      table.add(
        [run.name, seconds.map(Format.milliseconds)] + parts + [
          run.mean { $0.checkpointStallSeconds }.map(Format.milliseconds),
          run.mean { $0.utilization }.map(Format.percent), memory?.peakProcessBytes.map(Format.bytes),
          memory?.peakTensorBytes.map(Format.bytes),
        ])
    }
    guard !table.isEmpty else { return nil }
    let charts = plots(
      StepPhases.keys.map { phase in
        Quantity(
          phase.key.phaseName.capitalizedFirst,
          Plot.Caption("milliseconds a step") { Format.fixed($0 * 1e3, digits: 1) }
        ) {
          step in
          step.record.phases[keyPath: phase.path].flatMap { $0 > 0 ? $0 : nil }
        }
      })
    let note =
      "<p>Means of the recorded steps, on rank 0. Utilisation: operations of the model over the step's time and the "
      + "best rate of matrix products on the same machine.</p>"
    return section("Where the time goes", "phases", note + "\n" + table.html + "\n" + figures(charts))
  }

  /// Nil where no run has a point.
  private func plot(
    _ title: String, _ caption: Plot.Caption, _ series: (Int, RunHistory) -> [Plot.Series]
  ) -> Plot? {
    let all = runs.enumerated().flatMap { series($0, $1) }.filter { !$0.points.isEmpty }
    return all.isEmpty ? nil : Plot(title: title, series: all, horizontal: .steps, vertical: caption, medium: .page)
  }

  /// Quality against cost, of what was evaluated: a line a run, its chunk sizes as points.
  private var tradeOff: String? {
    let parts = Evaluations.Task.allCases.compactMap(tradeOff)
    guard !parts.isEmpty else { return nil }
    let note =
      "<p>One line a model, one point a chunk size. Ringed: the Pareto front; nothing else has both a better value and a "
      + "lower cost.</p>"
    return section("Quality against cost", "tradeoff", note + "\n" + parts.joined(separator: "\n"))
  }

  /// Nil where no run was evaluated by the task.
  private func tradeOff(_ task: Evaluations.Task) -> String? {
    let results = runs.map { Evaluations($0, task: task) }
    guard results.contains(where: { !$0.rows.isEmpty }) else { return nil }
    let plots = task.plots.compactMap { Evaluations.plot(results, x: $0.x, y: $0.y) }
    var table = HTMLTable(["run", "step", "source", "C", "loss", "accuracy", "tokens/s", "cache"])
    var parts = HTMLTable(["run", "C", "length", "", "accuracy"])
    for (run, result) in zip(runs, results) {
      for row in result.rows { table.add([run.name] + Evaluations.cells(row)) }
      for cells in result.partCells { parts.add([run.name] + cells) }
    }
    let details = parts.isEmpty ? "" : "\n<details><summary>Parts</summary>\n\(parts.html)\n</details>"
    return "<h3>Task: \(task.rawValue)</h3>\n" + figures(plots) + "\n" + table.html + details
  }
}

extension RunHistory {
  /// Of the steps that have the number; nil where none has.
  fileprivate func mean(_ value: (Step) -> Double?) -> Double? {
    let values = steps.compactMap(value)
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}

extension MetricsKey {
  /// Of a phase, such as `forward`.
  fileprivate var phaseName: String {
    switch self {
    case .communicationSeconds: "communication exposed"
    case .deviceSeconds: "waiting for the device"
    default: String(rawValue.prefix { $0 != "_" })
    }
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

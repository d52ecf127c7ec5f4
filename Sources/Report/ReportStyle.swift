/// How a report looks: in light and dark, on paper, on a phone.
enum ReportStyle {
  /// - Parameter runCount: runs that have a colour and a box to hide them by.
  static func css(runCount: Int) -> String {
    let runs = (0..<runCount).map { index in
      """
      .run\(index) { --color: \(Plot.colors[index % Plot.colors.count]); }
      body:has(#run\(index):not(:checked)) main .run\(index) { display: none; }
      """
    }
    return base + "\n" + runs.joined(separator: "\n")
  }

  private static let base = """
    :root { --ink: #1a1a1a; --paper: #ffffff; --faint: #d8d8d8; --quiet: #5a5a5a; }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e6e6e6; --paper: #16181c; --faint: #3a3d44; --quiet: #a0a4ac; }
    }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 84rem; padding: 0 1rem 3rem; background: var(--paper); color: var(--ink);
      font: 1rem/1.5 system-ui, sans-serif; }
    header { position: sticky; top: 0; z-index: 1; background: var(--paper); padding: .5rem 0; }
    h1 { margin: 0; font-size: 1.4rem; }
    h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; }
    h3, h4 { margin: 1rem 0 .25rem; font-size: 1rem; }
    fieldset { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; border: 0; padding: 0; margin: .25rem 0 0; }
    legend { position: absolute; clip-path: inset(50%); }
    label { border-bottom: 3px solid var(--color); }
    input { accent-color: var(--color); }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
    figure { margin: 0; min-width: 0; }
    svg { display: block; width: 100%; height: auto; }
    svg text { fill: var(--ink); }
    svg .grid { stroke: var(--faint); }
    svg .front { stroke: var(--ink); }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
    th, td { padding: .2rem .75rem .2rem 0; text-align: right; border-bottom: 1px solid var(--faint); white-space: nowrap; }
    th:first-child { text-align: left; font-weight: inherit; }
    thead th { font-weight: 600; vertical-align: bottom; }
    summary { cursor: pointer; color: var(--quiet); }
    :focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .25rem 0; padding: .5rem .75rem;
      border-left: 3px solid var(--color, var(--faint)); font-size: .85rem; }
    @media print {
      header { position: static; }
      figure, tr, pre { break-inside: avoid; }
      details:not([open]) { display: none; }
    }
    """
}

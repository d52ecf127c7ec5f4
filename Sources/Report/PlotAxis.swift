internal import Foundation

/// One axis of a picture: where a value lies, and which values are marked.
package struct PlotAxis: Hashable, Sendable {
  package enum Scale: Hashable, Sendable {
    case linear
    /// Equal factors are equally far apart; all values are above 0.
    case logarithmic
  }

  /// Values that get a mark, in order.
  package let ticks: [Double]
  private let scale: Scale
  private let ends: ClosedRange<Double>

  /// An axis that holds all values, with a little room at both ends.
  ///
  /// - Parameter values: finite, at least one.
  package init(_ values: [Double], scale: Scale) {
    precondition(!values.isEmpty && values.allSatisfy(\.isFinite), "axis: values \(values)")
    precondition(scale == .linear || values.allSatisfy { $0 > 0 }, "axis: logarithms of \(values)")
    self.scale = scale
    let measured = values.map { Self.measure($0, scale) }
    let (low, high) = (measured.min() ?? 0, measured.max() ?? 0)
    // Equal values get an axis around them.
    let span = high > low ? high - low : scale == .linear ? max(abs(low) / 10, 1e-9) : 1
    let ends = (low - 0.1 * span)...(high + 0.1 * span)
    self.ends = ends
    ticks =
      switch scale {
      case .linear: Self.linearTicks(ends)
      case .logarithmic: Self.powersOfTwo(ends)
      }
  }

  /// Where a value lies: 0 at the axis's beginning, 1 at its end.
  package func position(_ value: Double) -> Double {
    (Self.measure(value, scale) - ends.lowerBound) / (ends.upperBound - ends.lowerBound)
  }

  private static func measure(_ value: Double, _ scale: Scale) -> Double {
    scale == .linear ? value : log2(value)
  }

  /// Multiples of 1, 2 or 5 times a power of ten, four to eight of them.
  private static func linearTicks(_ ends: ClosedRange<Double>) -> [Double] {
    let span = ends.upperBound - ends.lowerBound
    let power = pow(10, (log10(span / 5)).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * power }.first { span / $0 <= 8 } ?? 10 * power
    let first = (ends.lowerBound / step).rounded(.up)
    let last = (ends.upperBound / step).rounded(.down)
    // Nothing is below zero and yet zero.
    return stride(from: first, through: last, by: 1).map { $0 * step + 0 }
  }

  /// Powers of two, every second or fourth where there are many.
  private static func powersOfTwo(_ ends: ClosedRange<Double>) -> [Double] {
    let (first, last) = (ends.lowerBound.rounded(.up), ends.upperBound.rounded(.down))
    let step = max(1, ((last - first) / 7).rounded(.up))
    return stride(from: first, through: last, by: step).map { pow(2, $0) }
  }
}

internal import Foundation

/// Unicode's normalization form C of Unicode 9, which the `tokenizers` package knows (version 0.23.3), in tables that the
/// standard library's properties and decompositions give.
struct CanonicalComposition: Sendable {
  static let shared = CanonicalComposition()

  /// Full decompositions; Hangul is computed.
  private var decompositions: [UInt32: [UInt32]] = [:]
  /// What two characters compose to, by `first << 32 | second`.
  private var compositions: [UInt64: UInt32] = [:]
  /// Canonical combining classes above 0.
  private var orders: [UInt32: UInt8] = [:]

  /// Where all characters with decompositions are, apart from Hangul, and the marks that they decompose to.
  private static let ranges: [ClosedRange<UInt32>] = [
    0xC0...0x30FF, 0xA66F...0xABFF, 0xF900...0xFE2F, 0x10000...0x11FFF, 0x16A00...0x16FFF, 0x1BC00...0x1EFFF,
    0x2F800...0x2FA1F,
  ]

  private init() {
    var composites: [(composite: UInt32, parts: [UInt32])] = []
    for scalar in Self.ranges.joined().lazy.compactMap(Unicode.Scalar.init) {
      guard let age = scalar.properties.age, age.major <= 9 else { continue }
      let order = scalar.properties.canonicalCombiningClass.rawValue
      if order > 0 { orders[scalar.value] = order }
      let text = String(scalar)
      let parts = text.decomposedStringWithCanonicalMapping.unicodeScalars.map(\.value)
      guard parts != [scalar.value] else { continue }
      decompositions[scalar.value] = parts
      if !scalar.properties.isFullCompositionExclusion { composites.append((scalar.value, parts)) }
    }
    // A composite is what all parts but the last compose to, and the last: shorter ones must be known first.
    for (composite, parts) in composites.sorted(by: { $0.parts.count < $1.parts.count }) {
      let beginning = composed(Array(parts.dropLast()))
      guard beginning.count == 1, let last = parts.last else { continue }
      compositions[UInt64(beginning[0]) << 32 | UInt64(last)] = composite
    }
  }

  /// Form C of a text.
  func normalized(_ scalars: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    for scalar in scalars { appendDecomposed(scalar, to: &result) }
    sort(&result)
    return composed(result)
  }

  private func appendDecomposed(_ scalar: UInt32, to result: inout [UInt32]) {
    if let parts = decompositions[scalar] {
      result += parts
    } else if Hangul.syllables.contains(scalar) {
      let index = scalar - Hangul.syllables.lowerBound
      result += [Hangul.leading + index / 588, Hangul.vowel + index % 588 / 28]
      if index % 28 > 0 { result.append(Hangul.trailing + index % 28) }
    } else {
      result.append(scalar)
    }
  }

  /// Puts the marks between starters in the order of their classes; equal ones stay as they are.
  private func sort(_ scalars: inout [UInt32]) {
    for index in scalars.indices.dropFirst() {
      let order = orders[scalars[index]] ?? 0
      var place = index
      while order > 0, place > 0, orders[scalars[place - 1]] ?? 0 > order {
        scalars.swapAt(place, place - 1)
        place -= 1
      }
    }
  }

  /// Composes decomposed characters in canonical order.
  private func composed(_ scalars: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    var starter: Int?
    var lastOrder: UInt8 = 0
    for scalar in scalars {
      let order = orders[scalar] ?? 0
      // Between the starter and this one there is none, or only marks of lower classes.
      if let starter, starter + 1 == result.count || lastOrder > 0 && lastOrder < order,
        let composite = composite(result[starter], scalar)
      {
        result[starter] = composite
        continue
      }
      if order == 0 { starter = result.count }
      lastOrder = order
      result.append(scalar)
    }
    return result
  }

  private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if (0..<19).contains(Int(first) - Int(Hangul.leading)), (0..<21).contains(Int(second) - Int(Hangul.vowel)) {
      return Hangul.syllables.lowerBound + (first - Hangul.leading) * 588 + (second - Hangul.vowel) * 28
    }
    if Hangul.syllables.contains(first), (first - Hangul.syllables.lowerBound) % 28 == 0,
      (1..<28).contains(Int(second) - Int(Hangul.trailing))
    {
      return first + second - Hangul.trailing
    }
    return compositions[UInt64(first) << 32 | UInt64(second)]
  }

  private enum Hangul {
    static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
    static let leading: UInt32 = 0x1100
    static let vowel: UInt32 = 0x1161
    /// One before the first.
    static let trailing: UInt32 = 0x11A7
  }
}

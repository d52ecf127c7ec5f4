import ArgumentParser
import FaultSupport

/// Which attempts of a check are made.
struct CheckSelection: Sendable {
  enum Amount: Sendable {
    case share(Double)
    case count(Int)
    case only(index: Int)
  }

  let seed: UInt64
  let amount: Amount

  /// Indices of the attempts, given how many the full run makes and whether they are listed cases.
  func indices(of check: FaultCheck, caseCount: Int?) -> [Int] {
    let full = check.fullCount ?? caseCount ?? 1
    let count: Int
    switch amount {
    case .only(let index): return [index]
    case .share(let share): count = max(1, Int((Double(full) * share).rounded(.up)))
    case .count(let number): count = number
    }
    guard let caseCount, count < caseCount else { return Array(0..<min(count, caseCount ?? count)) }
    // A part of the cases, drawn from the seed.
    var random = check.random(seed: seed, index: -1)
    return Array(0..<caseCount).shuffled(using: &random).prefix(count).sorted()
  }
}

extension FaultCheck {
  /// The checks that a list such as `1,5.bits` names.
  static func named(_ list: String?) throws -> [FaultCheck] {
    guard let list else { return all }
    var chosen: Set<String> = []
    for name in list.split(separator: ",").map(String.init) {
      let found = all.filter { $0.identifier == name || "\($0.row)" == name }
      guard !found.isEmpty else {
        let known = all.map(\.identifier).joined(separator: ", ")
        throw ValidationError("--rows: found \(name), allowed: a row's number or one of \(known)")
      }
      chosen.formUnion(found.map(\.identifier))
    }
    return all.filter { chosen.contains($0.identifier) }
  }
}

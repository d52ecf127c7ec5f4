/// How far names are from each other, for suggestions.
package enum Spelling {
  /// The one of `names` that takes the fewest edits to become `name`; nil if none is near.
  package static func nearest(to name: String, among names: [String]) -> String? {
    let ranked = names.map { (name: $0, distance: distance(name, $0)) }.min { $0.distance < $1.distance }
    guard let ranked, ranked.distance <= max(1, min(name.count, ranked.name.count) / 2) else { return nil }
    return ranked.name
  }

  /// Insertions, deletions and substitutions that lead from one text to the other.
  static func distance(_ first: String, _ second: String) -> Int {
    let (first, second) = (Array(first.prefix(200)), Array(second.prefix(200)))
    var row = Array(0...second.count)
    for (i, a) in first.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in second.enumerated() {
        let substituted = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
      }
    }
    return row[second.count]
  }
}

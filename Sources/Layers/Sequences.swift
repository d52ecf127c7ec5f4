/// The sequences of a call, whose tokens lie one sequence after the other, those of equal length side by side.
///
/// Rows go through a model together, whatever sequence they belong to; attention alone has a call for each length.
package struct Sequences: Hashable, Sendable {
  package struct Group: Hashable, Sendable {
    package let count: Int
    /// Tokens of each.
    package let length: Int
  }

  package let groups: [Group]

  package init(count: Int, length: Int) {
    groups = [Group(count: count, length: length)]
  }

  /// - Parameter lengths: tokens of each sequence; neighbours of equal length are a group.
  package init(lengths: [Int]) {
    var groups: [Group] = []
    for length in lengths {
      if let last = groups.last, last.length == length {
        groups[groups.count - 1] = Group(count: last.count + 1, length: length)
      } else {
        groups.append(Group(count: 1, length: length))
      }
    }
    self.groups = groups
  }

  package var count: Int { groups.reduce(0) { $0 + $1.count } }
  package var tokenCount: Int { groups.reduce(0) { $0 + $1.count * $1.length } }
  /// Tokens of the longest.
  package var length: Int { groups.map(\.length).max() ?? 0 }
  package var haveEqualLengths: Bool { groups.count <= 1 }
}

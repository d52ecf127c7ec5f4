/// How values are shared out among ranks.
enum ShareKind: Sendable, CustomStringConvertible {
  /// Equally, give or take one.
  case even(Int)
  /// The first rank has none, each other one about half of what is left, the last the rest.
  case uneven(Int)

  static let all: [ShareKind] = [.even(0), .even(1), .even(1003), .uneven(2), .uneven(40_000)]

  var description: String {
    switch self {
    case .even(let count): "\(count) evenly"
    case .uneven(let count): "\(count) unevenly"
    }
  }

  var count: Int {
    switch self {
    case .even(let count), .uneven(let count): count
    }
  }

  func ranges(size: Int) -> [Range<Int>] {
    switch self {
    case .even(let count):
      return (0..<size).map { count * $0 / size..<count * ($0 + 1) / size }
    case .uneven(let count):
      var start = 0
      return (0..<size).map { rank in
        let length = rank == size - 1 ? count - start : rank == 0 ? 0 : (count - start + 1) / 2
        defer { start += length }
        return start..<start + length
      }
    }
  }
}

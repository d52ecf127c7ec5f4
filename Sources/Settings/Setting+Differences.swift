/// A key under which two values differ; null stands for one that is not there.
package struct SettingDifference: Hashable, Sendable {
  /// Full path, such as `train.steps`.
  package let key: String
  package let first: Setting
  package let second: Setting
}

extension Setting {
  /// The value under a path such as `train.seed`; null where there is none.
  package func value(at path: String) -> Setting {
    path.split(separator: ".").reduce(self) { $0[String($1)] ?? .null }
  }

  /// All keys under which this value and `other` differ, depth first. `2` and `2.0` do not.
  ///
  /// - Parameter path: full path of both, for the keys.
  package func differences(from other: Setting, at path: String = "") -> [SettingDifference] {
    if case .mapping(let left) = self, case .mapping(let right) = other {
      let keys = left.map(\.key) + right.map(\.key).filter { self[$0] == nil }
      return keys.flatMap { key in
        let place = path.isEmpty ? key : "\(path).\(key)"
        return (self[key] ?? .null).differences(from: other[key] ?? .null, at: place)
      }
    }
    if self == other || (numberValue != nil && numberValue == other.numberValue) { return [] }
    if case (.list(let left), .list(let right)) = (self, other), left.count == right.count,
      zip(left, right).allSatisfy({ $0.differences(from: $1).isEmpty })
    {
      return []
    }
    return [SettingDifference(key: path, first: self, second: other)]
  }
}

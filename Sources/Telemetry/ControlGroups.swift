internal import Foundation

/// The control groups that bind this process, in both versions that Linux has: its own and each above it. Inside a
/// container the named ones may not be there; what is there stands at the top.
struct ControlGroups {
  enum Version {
    /// A hierarchy for each controller.
    case first
    /// One hierarchy for all.
    case second
  }

  /// A group by its folder, which need not be there.
  struct Group {
    let version: Version
    let folder: String
  }

  private let root: String
  /// Own groups last.
  let groups: [Group]

  /// - Parameters:
  ///   - controller: such as `cpu`.
  ///   - root: where the system's files are.
  init(controller: String, root: String) {
    self.root = root
    groups = Self.lines(root + "/proc/self/cgroup").flatMap { line -> [Group] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [] }
      let controllers = fields[1].split(separator: ",")
      guard controllers.isEmpty || controllers.contains(controller[...]) else { return [] }
      let top = "/sys/fs/cgroup" + (controllers.isEmpty ? "" : "/\(controller)")
      let names = fields[2].split(separator: "/")
      return (0...names.count).map { count in
        Group(
          version: controllers.isEmpty ? .second : .first,
          folder: top + names.prefix(count).map { "/\($0)" }.joined())
      }
    }
  }

  /// The words of a group's file; none if it is not there.
  func words(_ group: Group, _ file: String) -> [Substring] {
    Self.lines("\(root)\(group.folder)/\(file)").first?.split(separator: " ") ?? []
  }

  private static func lines(_ path: String) -> [Substring] {
    guard let content = FileManager.default.contents(atPath: path) else { return [] }
    return String(decoding: content, as: UTF8.self).split(separator: "\n")
  }
}

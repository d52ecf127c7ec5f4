package import Checkpoints
internal import Foundation
internal import Synchronization

/// A record of what was done to the disk below one directory, from which the states are made that a power cut can leave.
///
/// What counts as lasting is what POSIX promises: a file's bytes by fsync of the file, an entry by fsync of the
/// directory. Of the rest any part may be there.
package final class PowerCut: Sendable {
  /// A file or directory apart from its name.
  private final class Node {
    var content: [UInt8] = []
    /// When the content was made to last.
    var lastsFrom = Int.max
    var isDirectory = false
  }

  /// One change of a directory's entries.
  private struct EntryChange {
    let time: Int
    let directory: Int
    let remove: String?
    let insert: (name: String, node: Int)?
  }

  private struct Record {
    var nodes: [Node] = []
    /// Node of each path as the running system sees it.
    var paths: [String: Int] = [:]
    var changes: [EntryChange] = []
    /// When which directory was made to last.
    var synchronized: [(time: Int, directory: Int)] = []
    var time = 0
  }

  // The nodes are reached through the lock alone.
  private let record: Mutex<Record>
  private let root: String

  /// - Parameter root: an existing empty directory; only what happens below it counts.
  package init(root: String) {
    self.root = root
    let node = Node()
    node.isDirectory = true
    record = Mutex(Record(nodes: [node], paths: [root: 0]))
  }

  /// The disk that keeps this record.
  package var disk: Disk {
    Disk { change in
      self.note(change)
      return nil
    }
  }

  package var time: Int { record.withLock { $0.time } }

  private func note(_ change: DiskChange) {
    record.withLock { record in
      record.time += 1
      switch change {
      case .create(let path), .makeDirectory(let path):
        let node = Node()
        if case .makeDirectory = change { node.isDirectory = true }
        record.nodes.append(node)
        record.paths[path] = record.nodes.count - 1
        Self.add(&record, path: path, remove: nil, insert: record.nodes.count - 1)
      case .rename(let from, let to):
        guard let node = record.paths[from] else { return }
        Self.add(&record, path: to, remove: Self.split(from).name, insert: node)
        for (path, other) in record.paths where path == from || path.hasPrefix(from + "/") {
          record.paths[path] = nil
          record.paths[to + path.dropFirst(from.count)] = other
        }
      case .removeFile(let path), .removeDirectory(let path):
        Self.add(&record, path: path, remove: Self.split(path).name, insert: nil)
        record.paths[path] = nil
      case .synchronize(let path):
        guard let node = record.paths[path] else { return }
        if record.nodes[node].isDirectory {
          record.synchronized.append((record.time, node))
        } else {
          record.nodes[node].content = (try? bytes(of: path)) ?? []
          record.nodes[node].lastsFrom = record.time
        }
      case .write, .close: return
      }
    }
  }

  private static func add(_ record: inout Record, path: String, remove: String?, insert: Int?) {
    let (parent, name) = split(path)
    guard let directory = record.paths[parent] else { return }
    record.changes.append(
      EntryChange(time: record.time, directory: directory, remove: remove, insert: insert.map { (name, $0) }))
  }

  private static func split(_ path: String) -> (parent: String, name: String) {
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    return (String(path[..<slash]), String(path[path.index(after: slash)...]))
  }

  /// Makes below `target` one of the states that a power cut right before change number `cut + 1` can leave.
  package func restore(to target: String, at cut: Int, using random: inout TestRandom) throws {
    let entries = record.withLock { Self.survivors($0, cut, &random) }
    let nodes = record.withLock { record in
      record.nodes.map { (content: $0.content, lasts: $0.lastsFrom <= cut, isDirectory: $0.isDirectory) }
    }
    func make(_ directory: Int, at path: String) throws {
      for (name, node) in entries[directory] ?? [:] {
        let place = path + "/" + name
        if nodes[node].isDirectory {
          try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
          try make(node, at: place)
        } else if nodes[node].lasts {
          try overwrite(place, nodes[node].content)
        } else {
          try overwrite(place, Self.torn(nodes[node].content, &random))
        }
      }
    }
    try make(0, at: target)
  }

  /// Entries of each directory: all changes that last, and any of the others.
  private static func survivors(
    _ record: Record, _ cut: Int, _ random: inout TestRandom
  ) -> [Int: [String: Int]] {
    let keepsPrefix = Bool.random(using: &random)
    let prefixEnd = Int.random(in: 0...max(1, cut), using: &random)
    var entries: [Int: [String: Int]] = [:]
    for change in record.changes where change.time <= cut {
      let lasts = record.synchronized.contains {
        $0.directory == change.directory && $0.time > change.time && $0.time <= cut
      }
      guard lasts || (keepsPrefix ? change.time <= prefixEnd : Bool.random(using: &random)) else { continue }
      if let name = change.remove { entries[change.directory, default: [:]][name] = nil }
      if let (name, node) = change.insert { entries[change.directory, default: [:]][name] = node }
    }
    return entries
  }

  /// What may be left of bytes that were not made to last: a part, or zeros.
  private static func torn(_ content: [UInt8], _ random: inout TestRandom) -> [UInt8] {
    let rest = Array(content.prefix(Int.random(in: 0...content.count, using: &random)))
    return Bool.random(using: &random) ? rest : rest + [UInt8](repeating: 0, count: content.count - rest.count)
  }
}

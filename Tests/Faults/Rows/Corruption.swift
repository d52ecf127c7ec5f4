import Checkpoints
import FaultSupport
import Foundation

/// Row 5: a checkpoint that is not as it was written is refused by name, and the one before it is used.
enum Corruption {
  static let checks = [
    FaultCheck(5, "bits", "one bit of one file flipped, the manifest's too", fullCount: 2400) { bench in
      let victim = try Victim(bench)
      return Attempts { index, random in
        // By file and not by byte, so that small files get their share.
        let name = victim.names[index % victim.names.count]
        var bytes = try victim.content(name)
        let place = Int.random(in: 0..<bytes.count, using: &random)
        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        try victim.requireRefusal(of: name, holding: bytes, "bit of byte \(place)")
      }
    },
    FaultCheck(5, "truncation", "each file cut at each 1/64 of its length") { bench in
      let victim = try Victim(bench)
      return Attempts(caseCount: victim.names.count * 64) { index, _ in
        let name = victim.names[index / 64]
        let whole = try victim.content(name)
        try victim.requireRefusal(
          of: name, holding: Array(whole.prefix(whole.count * (index % 64) / 64)), "\(index % 64)/64")
      }
    },
    FaultCheck(5, "files", "each file missing, empty or longer; each pair of shards swapped; a shard too many") {
      bench in
      let victim = try Victim(bench)
      let cases = victim.cases()
      return Attempts(caseCount: cases.count) { index, _ in try cases[index].perform(victim) }
    },
    FaultCheck(5, "resume", "one bit flipped, then training with --resume auto", fullCount: 60) { bench in
      let victim = try Victim(bench)
      return Attempts { index, random in
        let name = victim.names[index % victim.names.count]
        var bytes = try victim.content(name)
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        let folder = try victim.copy(to: bench.directory("run"))
        try overwrite(folder.checkpoint(Victim.newest) + "/" + name, bytes)
        let outcome = try bench.training(run: folder.path, Victim.overrides + ["train.steps=\(Victim.newest)"])
          .succeed()
        try expect(outcome.errors.contains("passed over"), "not said: \(outcome.brief)")
        try expect(outcome.errors.contains("/\(name): "), "the file is not named: \(outcome.brief)")
        try expect(outcome.errors.contains("step=\(Victim.previous)"), "not the one before: \(outcome.brief)")
        try folder.requireSame(as: victim.folder, to: Victim.newest)
      }
    },
  ]
}

/// A run with two checkpoints, the newer of which is damaged over and over.
final class Victim {
  static let (previous, newest) = (4, 8)
  static let overrides = ["checkpoint.interval=4"] + Bench.blocking

  let folder: RunFolder
  /// Files of the newest checkpoint.
  let names: [String]
  private var contents: [String: [UInt8]] = [:]

  init(_ bench: Bench) throws {
    let path = try bench.directory("victim")
    folder = RunFolder(path: path)
    try bench.training(run: path, Self.overrides + ["train.steps=\(Self.newest)"]).succeed()
    names = try FaultSupport.names(in: folder.checkpoint(Self.newest))
    try expect(names.count >= 10, "few files: \(names)")
    for name in names { contents[name] = try bytes(of: folder.checkpoint(Self.newest) + "/" + name) }
  }

  var shards: [String] { names.filter { $0.hasSuffix(".safetensors") } }

  func content(_ name: String) throws -> [UInt8] { try require(contents[name], "no file \(name)") }

  /// Damages one file, checks that the checkpoint is refused by the file's name and the one before found, and mends it.
  ///
  /// - Parameters:
  ///   - bytes: what the file holds; nil: it is gone.
  ///   - others: files that are to be mended as well.
  func requireRefusal(of name: String, holding bytes: [UInt8]?, _ what: String, others: [String] = []) throws {
    let file = folder.checkpoint(Self.newest) + "/" + name
    defer {
      for name in [name] + others {
        let file = folder.checkpoint(Self.newest) + "/" + name
        if let whole = contents[name] { try? overwrite(file, whole) } else { unlink(file) }
      }
    }
    if let bytes { try overwrite(file, bytes) } else { unlink(file) }
    let newest = try folder.store.newestVerified()
    try expect(newest.passedOver.count == 1, "\(name), \(what): not refused")
    let reason = newest.passedOver[0].reason
    try expect(
      ([name] + others).contains { reason.hasPrefix(folder.checkpoint(Self.newest) + "/\($0): ") },
      "\(name), \(what): another file is named: \(reason)")
    try expect(!reason.contains("\n"), "\(name), \(what): more than a line: \(reason)")
    try expect(newest.checkpoint?.state?.step == Self.previous, "\(name), \(what): the one before is not found")
  }

  func copy(to path: String) throws -> RunFolder {
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(atPath: folder.path, toPath: path)
    return RunFolder(path: path)
  }

  /// One way in which a file is not the right one.
  struct Case {
    let perform: (Victim) throws -> Void
  }

  func cases() -> [Case] {
    let each = names.flatMap { name in
      [
        Case { try $0.requireRefusal(of: name, holding: nil, "missing") },
        Case { try $0.requireRefusal(of: name, holding: [], "empty") },
        Case { try $0.requireRefusal(of: name, holding: $0.content(name) + [0], "longer") },
      ]
    }
    let pairs = shards.indices.flatMap { a in shards.indices.dropFirst(a + 1).map { b in (shards[a], shards[b]) } }
    let swapped = pairs.map { a, b in
      Case { victim in
        try overwrite(victim.folder.checkpoint(Self.newest) + "/" + b, victim.content(a))
        try victim.requireRefusal(of: a, holding: victim.content(b), "swapped with \(b)", others: [b])
      }
    }
    let extra = shards.map { name in
      Case { victim in
        let other = name.replacing("-of-", with: "-of-9")
        try victim.requireRefusal(of: other, holding: victim.content(name), "too many")
      }
    }
    return each + swapped + extra
  }
}

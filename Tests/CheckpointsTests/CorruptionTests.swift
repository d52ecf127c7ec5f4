import Checkpoints
import FaultSupport
import Foundation
import Testing

/// A written checkpoint and all its files, to be damaged one at a time.
private struct Victim {
  let scratch: Scratch
  let path: String
  let files: [String: [UInt8]]

  init() throws {
    let scratch = try Scratch()
    self.scratch = scratch
    let directory = try SampleCheckpoint(step: 7).write(to: scratch.path).path
    path = directory
    let found = try names(in: directory).map { ($0, try bytes(of: directory + "/" + $0)) }
    files = Dictionary(uniqueKeysWithValues: found)
  }

  /// Damages one file, checks that the directory is refused naming it, and mends it.
  func expectRefusal(of name: String, holding damaged: [UInt8]?, _ what: String) throws {
    let file = path + "/" + name
    if let damaged { try overwrite(file, damaged) } else { try FileManager.default.removeItem(atPath: file) }
    let text = try message { _ = try CheckpointDirectory(verifying: path) }
    #expect(text.hasPrefix(file + ": "), "\(what): \(text)")
    try overwrite(file, files[name] ?? [])
  }
}

struct CorruptionTests {
  @Test func `every flipped bit is found and its file named`() throws {
    let victim = try Victim()
    var random = TestRandom(state: 99)
    let names = victim.files.keys.sorted()
    #expect(names.count >= 10)
    // By file and not by byte, so that small files get their share.
    for round in 0..<600 {
      let name = names[round % names.count]
      var damaged = try #require(victim.files[name])
      let place = Int.random(in: 0..<damaged.count, using: &random)
      damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try victim.expectRefusal(of: name, holding: damaged, "bit of byte \(place)")
    }
    _ = try CheckpointDirectory(verifying: victim.path)
  }

  @Test func `every flipped bit of the manifest is found`() throws {
    let victim = try Victim()
    let whole = try #require(victim.files[Manifest.fileName])
    for place in whole.indices {
      var damaged = whole
      damaged[place] ^= 1 << UInt8(place % 8)
      try victim.expectRefusal(of: Manifest.fileName, holding: damaged, "bit of byte \(place)")
    }
  }

  @Test func `every truncation is found`() throws {
    let victim = try Victim()
    for (name, whole) in victim.files {
      for sixteenth in 0..<16 {
        let rest = Array(whole.prefix(whole.count * sixteenth / 16))
        try victim.expectRefusal(of: name, holding: rest, "\(sixteenth)/16")
      }
    }
  }

  @Test func `every missing and every longer file is found`() throws {
    let victim = try Victim()
    for (name, whole) in victim.files {
      try victim.expectRefusal(of: name, holding: nil, "missing")
      try victim.expectRefusal(of: name, holding: whole + [0], "longer")
    }
  }

  @Test func `swapped shards are found`() throws {
    let victim = try Victim()
    let shards = victim.files.keys.filter { $0.hasSuffix(".safetensors") }.sorted()
    #expect(shards.count >= 4)
    for (a, b) in zip(shards, shards.dropFirst()) {
      try overwrite(victim.path + "/" + b, try #require(victim.files[a]))
      try victim.expectRefusal(of: a, holding: victim.files[b], "swapped")
      try overwrite(victim.path + "/" + b, try #require(victim.files[b]))
    }
  }

  @Test func `an unknown shard is refused, another unknown file reported`() throws {
    let victim = try Victim()
    let notes = victim.path + "/notes.txt"
    try overwrite(notes, [1])
    #expect(try CheckpointDirectory(verifying: victim.path).unknownFiles == ["notes.txt"])
    for name in ["model-00009-of-00009.safetensors", "model.safetensors"] {
      let extra = victim.path + "/" + name
      try overwrite(extra, victim.files["model-00001-of-00003.safetensors"] ?? [])
      let text = try message { _ = try Manifest.verify(directory: victim.path) }
      #expect(text.hasPrefix(extra + ": found a file that does not belong"))
      try FileManager.default.removeItem(atPath: extra)
    }
  }

  @Test func `a manifest that was edited with its digest kept is refused`() throws {
    let victim = try Victim()
    let text = String(decoding: try #require(victim.files[Manifest.fileName]), as: UTF8.self)
    let edited = text.replacingOccurrences(of: #""program": "catlm""#, with: #""program": "other""#)
    #expect(edited != text)
    try overwrite(victim.path + "/manifest.json", Array(edited.utf8))
    #expect(try message { _ = try Manifest.verify(directory: victim.path) }.contains("SHA-256 of the manifest: found"))
    try overwrite(victim.path + "/manifest.json", Array((text + "\n").utf8))
    #expect(try message { _ = try Manifest.verify(directory: victim.path) }.contains("another layout of the JSON"))
  }

  @Test func `a manifest may not lead out of its directory`() throws {
    let scratch = try Scratch()
    for name in ["../a", "a/b", "..", "manifest.json", ""] {
      let record = #"{"name": "\#(name)", "size": 0, "sha256": ""}"#
      let text = #"{"format_version": 1, "program": "p", "program_version": "1", "files": [\#(record)], "digest": ""}"#
      try scratch.file("manifest.json", Array(text.utf8))
      let found = try message { _ = try Manifest.verify(directory: scratch.path) }
      #expect(found.contains("allowed: the name of another file of this directory"), "\(found)")
    }
  }
}

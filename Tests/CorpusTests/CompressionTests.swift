import Foundation
import Testing

@testable import Corpus

@Suite struct CompressionTests {
  /// 400 lines, in gzip of two members and in zstd of two frames, made by the programs gzip and zstd where they are there.
  private static let text = (0..<400).map { "line \($0) of \($0 * $0)\n" }.joined()

  private static func scratch() throws -> String {
    let path = FileManager.default.temporaryDirectory.appending(path: "corpus-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private static func compress(_ program: String, _ text: String, in directory: String) throws -> Data? {
    let path = directory + "/part"
    try Data(text.utf8).write(to: URL(filePath: path))
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program, "-c", "-q", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? data : nil
  }

  @Test(arguments: ["gzip", "zstd"])
  func `compressed files read as what they hold, and damaged ones are refused`(_ program: String) throws {
    let directory = try Self.scratch()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let half = Self.text.index(Self.text.startIndex, offsetBy: Self.text.count / 2)
    guard let first = try Self.compress(program, String(Self.text[..<half]), in: directory),
      let second = try Self.compress(program, String(Self.text[half...]), in: directory)
    else { return }
    let path = directory + "/corpus"
    try (first + second).write(to: URL(filePath: path))
    var lines = try LineReader(path)
    var text = ""
    while let line = try lines.next() { text += String(decoding: line, as: UTF8.self) + "\n" }
    #expect(text == Self.text && lines.lineNumber == 400)

    for damaged in [Data(first.dropLast(20)), first.prefix(first.count / 2) + Data(repeating: 0xFF, count: 40)] {
      try damaged.write(to: URL(filePath: path))
      #expect(throws: CorpusError.self) {
        var lines = try LineReader(path)
        while try lines.next() != nil {}
      }
    }
  }

  @Test func `lines end with newlines or the file`() throws {
    let directory = try Self.scratch()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for (text, expected) in [
      ("", []), ("a", ["a"]), ("a\n", ["a"]), ("\n\nb", ["", "", "b"]), ("a\r\nb\n", ["a\r", "b"]),
    ] {
      try Data(text.utf8).write(to: URL(filePath: directory + "/a"))
      var reader = try LineReader(directory + "/a")
      var lines: [String] = []
      while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
      #expect(lines == expected)
    }
  }

  @Test func `directories stand for the texts in them, patterns for what matches`() throws {
    let directory = try Self.scratch()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try FileManager.default.createDirectory(atPath: directory + "/inner", withIntermediateDirectories: true)
    for name in ["b.txt", "a.jsonl.gz", "inner/c.md", "skip.png", ".hidden.txt"] {
      try Data("x".utf8).write(to: URL(filePath: directory + "/" + name))
    }
    let names = { (paths: [String]) throws in
      try CorpusFile.expand(paths, areLines: false).map { String($0.path.dropFirst(directory.count + 1)) }
    }
    #expect(try names([directory]) == ["a.jsonl.gz", "b.txt", "inner/c.md"])
    #expect(try names([directory + "/*.png", directory + "/b.txt"]) == ["skip.png", "b.txt"])
    #expect(try CorpusFile.expand([directory], areLines: false).map(\.kind) == [.lines, .text, .text])
    for path in [directory + "/absent", directory + "/*.pdf"] {
      let error = #expect(throws: CorpusError.self) { try CorpusFile.expand([path], areLines: false) }
      #expect(error?.description.hasPrefix(path) == true)
    }
  }
}

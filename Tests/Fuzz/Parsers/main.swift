import CFuzzer
import FaultSupport
import Foundation
import ParserOracles

// libFuzzer on one parser, named by the environment's CATLM_FUZZ_PARSER; arguments are libFuzzer's.

/// What libFuzzer made is put into this file, which the parsers open.
let memoryFile = cfuzzer_memory_file()
let memoryPath = "/proc/self/fd/\(memoryFile)"

/// Makes the bytes the content of a file in memory.
nonisolated func store(_ bytes: UnsafeBufferPointer<UInt8>, in file: Int32 = memoryFile) {
  guard ftruncate(file, 0) == 0, pwrite(file, bytes.baseAddress, bytes.count, 0) == bytes.count else {
    fatalError("cannot write \(bytes.count) bytes of memory: errno \(errno)")
  }
}

/// Data of Megatron and its index: two files in memory, by names in a directory that tell what they are.
nonisolated struct MegatronFiles {
  private let files = (data: cfuzzer_memory_file(), index: cfuzzer_memory_file())
  private let directory = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(getpid())").path

  init() {
    try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    for (name, file) in [("x.bin", files.data), ("x.idx", files.index)] {
      unlink(directory + "/" + name)
      symlink("/proc/self/fd/\(file)", directory + "/" + name)
    }
  }

  /// - Parameter input: a byte with the number of bytes of data, these, then the index.
  func check(_ input: UnsafeBufferPointer<UInt8>) throws {
    let count = min(Int(input.first ?? 0), max(0, input.count - 1))
    let rest = UnsafeBufferPointer(rebasing: input.dropFirst())
    store(UnsafeBufferPointer(rebasing: rest.prefix(count)), in: files.data)
    store(UnsafeBufferPointer(rebasing: rest.dropFirst(count)), in: files.index)
    try MegatronOracle.check(directory + "/x.bin", index: directory + "/x.idx")
  }
}

let megatronFiles = MegatronFiles()

/// Ends the process where an oracle objects: libFuzzer keeps the input then.
nonisolated func insist(_ body: () throws -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch {
    fatalError("\(error)")
  }
}

typealias Target = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32

let targets: [String: Target] = [
  "safetensors": { start, count in
    store(UnsafeBufferPointer(start: start, count: count))
    return insist { try SafetensorsOracle.check(memoryPath) }
  },
  "shards": { start, count in
    store(UnsafeBufferPointer(start: start, count: count))
    return insist {
      try TokenShardOracle.check(memoryPath)
      try TokenShardOracle.check(memoryPath, isHeaderless: true)
    }
  },
  "megatron": { start, count in
    insist { try megatronFiles.check(UnsafeBufferPointer(start: start, count: count)) }
  },
  "tokenizers": { start, count in
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    return insist { try TokenizerOracle.check(bytes) }
  },
  "run-files": { start, count in
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    return insist { try RunFileOracle.check(text) }
  },
]

let name = ProcessInfo.processInfo.environment["CATLM_FUZZ_PARSER"] ?? ""
guard let target = targets[name] else {
  print("CATLM_FUZZ_PARSER: found \"\(name)\", allowed: \(targets.keys.sorted().joined(separator: ", "))")
  exit(2)
}
var argumentCount = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(LLVMFuzzerRunDriver(&argumentCount, &arguments, target))

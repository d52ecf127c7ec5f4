import CFuzzer
import FaultSupport
import Foundation
import ParserOracles

// libFuzzer on one parser, named by the environment's CATLM_FUZZ_PARSER; arguments are libFuzzer's.

/// What libFuzzer made is put into this file, which the parsers open.
let memoryFile = cfuzzer_memory_file()
let memoryPath = "/proc/self/fd/\(memoryFile)"

/// Makes the bytes the content of the file in memory.
nonisolated func store(_ bytes: UnsafeBufferPointer<UInt8>) {
  guard ftruncate(memoryFile, 0) == 0, pwrite(memoryFile, bytes.baseAddress, bytes.count, 0) == bytes.count else {
    fatalError("cannot write \(bytes.count) bytes of memory: errno \(errno)")
  }
}

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
    return insist { try TokenShardOracle.check(memoryPath) }
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

import Foundation
import Testing

/// What a program prints, which must end well.
func output(of program: String, _ arguments: [String]) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  try #require(process.terminationStatus == 0, "\(program) \(arguments)")
  return String(decoding: data, as: UTF8.self)
}

/// Whether python3 is there with the packages that read safetensors.
let pythonReadsSafetensors =
  (try? output(of: "/usr/bin/env", ["python3", "-c", "import numpy, safetensors.numpy"])) != nil

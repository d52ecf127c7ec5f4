import Foundation
import JSON

/// This program once more, as a process of its own or as ranks under mpirun.
enum ChildProgram {
  /// What MPI needs in containers and as root, as the launch scripts set it; what the user set stays.
  private static let launcherEnvironment = [
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OPENBLAS_NUM_THREADS": "1",
  ]

  /// Where mpirun is.
  ///
  /// - Throws: if no directory of the PATH has it.
  static func launcher() throws(UserError) -> URL {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let files = path.split(separator: ":").map { URL(filePath: String($0)).appending(path: "mpirun") }
    guard let file = files.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) }) else {
      throw UserError(
        "mpirun: found nowhere on the PATH \(path), needed to start ranks (Debian: openmpi-bin)")
    }
    return file
  }

  /// Runs to the end; what it says on standard error goes where this program's goes.
  ///
  /// - Parameter rankCount: 1 starts the program itself.
  /// - Returns: the JSON object that it printed.
  static func run(rankCount: Int, _ arguments: [String]) throws -> JSONValue {
    guard let program = Bundle.main.executableURL else {
      throw UserError("the program does not find its own file")
    }
    let process = Process()
    process.executableURL = rankCount == 1 ? program : try launcher()
    let launch = ["--bind-to", "none", "--oversubscribe", "-np", "\(rankCount)", program.path]
    process.arguments = (rankCount == 1 ? [] : launch) + arguments
    process.environment = launcherEnvironment.merging(ProcessInfo.processInfo.environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw ChildFailure(rankCount: rankCount, code: process.terminationStatus)
    }
    return try JSONValue(json: output, source: "what \(program.lastPathComponent) printed")
  }
}

/// The program, started by itself, did not do what it was to do; it has said why.
struct ChildFailure: Error, CustomStringConvertible {
  let rankCount: Int
  let code: Int32

  var description: String { "\(rankCount == 1 ? "1 rank" : "\(rankCount) ranks"): exit code \(code)" }
}

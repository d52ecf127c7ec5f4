import FaultSupport
import Foundation
import JSON

/// A check's attempts in this process, which the check may bring down: the parent reads from a file how far it came.
struct CheckRun {
  let check: FaultCheck
  let selection: CheckSelection
  /// A directory of the check's own.
  let scratch: String

  static func resultPath(_ scratch: String) -> String { scratch + "/result.json" }
  static func progressPath(_ scratch: String) -> String { scratch + "/progress" }

  func callAsFunction() throws {
    var result = CheckResult(check)
    let start = ContinuousClock.now
    do {
      let bench = try Bench(path: scratch + "/bench")
      let attempts = try check.prepare(bench)
      try make(attempts, &result)
    } catch let error as NotPossible {
      result.skipped = error.description
    } catch {
      result.failures.append(.init(index: -1, message: "preparation: \(error)"))
    }
    result.seconds = (ContinuousClock.now - start) / .seconds(1)
    try Data(result.json.json().utf8).write(to: URL(filePath: Self.resultPath(scratch)))
  }

  private func make(_ attempts: Attempts, _ result: inout CheckResult) throws {
    let progress = try Progress(path: Self.progressPath(scratch))
    for index in selection.indices(of: check, caseCount: attempts.caseCount) {
      progress.note(index: index, passedCount: result.passedCount)
      var random = check.random(seed: selection.seed, index: index)
      do {
        try attempts.perform(index, &random)
        result.passedCount += 1
      } catch let error as NotPossible {
        throw error
      } catch {
        result.failures.append(.init(index: index, message: "\(error)"))
        FileHandle.standardError.write(Data("\(check.identifier), index \(index): \(error)\n".utf8))
        // More of the same would tell no more.
        if result.failures.count >= 20 { return }
      }
    }
  }
}

/// How far a check came, in a file that outlives its process.
struct Progress {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Unexpected("\(path): \(String(cString: strerror(errno)))") }
  }

  func note(index: Int, passedCount: Int) {
    let numbers = [index, passedCount]
    _ = numbers.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  /// The last note of a process that is gone; nil if it made none.
  static func last(path: String) -> (index: Int, passedCount: Int)? {
    guard let data = FileManager.default.contents(atPath: path), data.count == 16 else { return nil }
    let numbers = data.withUnsafeBytes { bytes in
      (0..<2).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int.self) }
    }
    return (numbers[0], numbers[1])
  }
}

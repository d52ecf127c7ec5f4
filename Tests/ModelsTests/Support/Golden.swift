import Foundation

/// Reference tensors: a few among the fixtures, all of them beside the package where they are there.
enum Golden {
  private static let tests = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The directory of the cases that every clone has.
  static let fixtures = tests.appending(path: "Fixtures/golden").path
  /// Cases that every clone has.
  static let fixtureCases = ["tiny", "odd"]

  /// The directory of all cases.
  static let shared = tests.deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/golden")
    .path
  static let isSharedThere = FileManager.default.fileExists(atPath: shared)

  /// The other cases: of both published implementations.
  static let sharedCases = ((try? FileManager.default.contentsOfDirectory(atPath: shared)) ?? []).sorted().filter {
    FileManager.default.fileExists(atPath: "\(shared)/\($0)/model.safetensors") && !fixtureCases.contains($0)
  }
}

import Foundation

/// Where the program and the repository are.
enum Program {
  /// The root of the repository.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  /// The binary: `CATLM_BINARY`, else the one beside the tests, else one that was built before; nil if there is none.
  static let path: String? = {
    if let named = environment["CATLM_BINARY"], !named.isEmpty { return URL(filePath: named).path }
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let beside = URL(filePath: tests).deletingLastPathComponent().appending(path: "catlm").path
    return [beside, root + "/.build/release/catlm", root + "/.build/debug/catlm"]
      .first(where: FileManager.default.isExecutableFile)
  }()

  /// What the program is started with: MPI works in containers and for root, BLAS chooses its kernels.
  static let commandEnvironment: [String: String] = {
    var values = environment.filter { !["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"].contains($0.key) }
    values["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    values["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    values["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none"
    values["OPENBLAS_NUM_THREADS"] = "1"
    values["CATLM_BINARY"] = path
    return values
  }()

  /// Whether a program is on the PATH.
  static func has(_ name: String) -> Bool {
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
  }

  private static let environment = ProcessInfo.processInfo.environment
}

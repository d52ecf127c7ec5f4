internal import CCUDA
internal import Foundation

/// CUDA's libraries, which are opened when they are first wanted: nothing is linked with them.
package enum CUDALibraries {
  /// Folders that are searched before the system's, separated by colons: where Python's packages hold the libraries.
  package static let foldersVariable = "CATLM_CUDA_PATH"

  /// Opens driver, compiler and matrix products, if they are not open.
  ///
  /// - Parameter folders: searched before the system's, separated by colons.
  package static func open(folders: String = environmentFolders) throws(CUDAError) {
    try open(folders, ccuda_open)
  }

  /// Opens the compiler alone, which needs no GPU.
  package static func openCompiler(folders: String = environmentFolders) throws(CUDAError) {
    try open(folders, ccuda_open_compiler)
  }

  package static var environmentFolders: String { ProcessInfo.processInfo.environment[foldersVariable] ?? "" }

  /// Gives the libraries up, for tests that open others; nothing of them may be in use.
  package static func close() { ccuda_close() }

  private static func open(
    _ folders: String, _ function: (UnsafePointer<CChar>?) -> Int32
  ) throws(CUDAError) {
    let code = function(folders)
    let missing = String(cString: ccuda_missing())
    if !missing.isEmpty { throw CUDAError.unavailable(missing) }
    do {
      try check(code)
    } catch {
      // The driver is there and finds nothing to drive.
      throw CUDAError.unavailable("\(error)")
    }
  }

  /// The compiler's version, such as `13.0`.
  static func compilerVersion() throws(CUDAError) -> String {
    var (major, minor): (Int32, Int32) = (0, 0)
    try check(ccuda_compiler_version(&major, &minor))
    return "\(major).\(minor)"
  }
}

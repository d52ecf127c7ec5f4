internal import COpenSSL
internal import Foundation

/// Compiled kernels on disk, under the digest of all that they depend on: sources, options, architecture, compiler.
///
/// Losing a file costs the time to compile it again. Nothing here can fail: what cannot be read or written is compiled.
package struct KernelCache: Sendable {
  /// Where the files are; nil for none.
  private let folder: URL?

  /// - Parameter folder: nil for one of the user's: `CATLM_CACHE`, else `XDG_CACHE_HOME/catlm`, else `~/.cache/catlm`.
  package init(folder: String? = nil) {
    self.folder = folder.map { URL(filePath: $0) } ?? Self.usersFolder
  }

  private static var usersFolder: URL? {
    let environment = ProcessInfo.processInfo.environment
    if let named = environment["CATLM_CACHE"], !named.isEmpty { return URL(filePath: named) }
    if let named = environment["XDG_CACHE_HOME"], !named.isEmpty {
      return URL(filePath: named).appending(path: "catlm")
    }
    return environment["HOME"].map { URL(filePath: $0).appending(path: ".cache/catlm") }
  }

  /// Machine code of a source, from disk or compiled now.
  package func kernels(_ source: KernelSource, architecture: String) throws(CUDAError) -> [UInt8] {
    let file = folder?.appending(path: try name(source, architecture: architecture))
    if let file, let content = try? Data(contentsOf: file), !content.isEmpty { return Array(content) }
    let compiled = try KernelCompiler.compile(source, architecture: architecture)
    if let file { save(compiled.binary, to: file) }
    return compiled.binary
  }

  /// Written whole or not at all: another process may read it.
  private func save(_ binary: [UInt8], to file: URL) {
    try? FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? Data(binary).write(to: file, options: .atomic)
  }

  private func name(_ source: KernelSource, architecture: String) throws(CUDAError) -> String {
    let parts =
      [try CUDALibraries.compilerVersion(), source.text] + KernelSource.headers.flatMap { [$0.key, $0.value] }
      + KernelCompiler.options(source, architecture: architecture)
    return "\(source.file.dropLast(3))-\(architecture)-\(digest(of: parts.joined(separator: "\0"))).cubin"
  }

  /// SHA-256 in hexadecimal digits.
  private func digest(of text: String) -> String {
    var sum = [UInt8](repeating: 0, count: 32)
    let bytes = Array(text.utf8)
    let code = EVP_Digest(bytes, bytes.count, &sum, nil, EVP_sha256(), nil)
    precondition(code == 1, "SHA-256: EVP_Digest of \(bytes.count) bytes gave \(code)")
    return sum.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}

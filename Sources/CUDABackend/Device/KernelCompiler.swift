internal import CCUDA
internal import CUDASources
internal import Foundation

/// What is compiled: a file of kernels, and the constants that it is compiled with.
package struct KernelSource: Hashable, Sendable {
  /// `Norm.cu`.
  package let file: String
  /// `WIDTH=768`, in the order in which they are passed.
  package let constants: [String]

  package init(_ file: String, _ constants: KeyValuePairs<String, String> = [:]) {
    self.file = file
    self.constants = constants.map { "\($0)=\($1)" }
  }

  /// All files that the program has, by name: kernels, and headers that they include.
  static let files: [String: String] = Dictionary(
    uniqueKeysWithValues: (0..<cuda_source_count()).map {
      (String(cString: cuda_source_name($0)), String(cString: cuda_source_text($0)))
    })

  static let headers = files.filter { !$0.key.hasSuffix(".cu") }.sorted { $0.key < $1.key }

  var text: String {
    guard let text = Self.files[file] else { preconditionFailure("kernels: no file \(file)") }
    return text
  }
}

/// Machine code of kernels, and what the compiler said of it.
package struct CompiledKernels: Sendable {
  package let binary: [UInt8]
  /// With registers and spills of each kernel.
  package let log: String

  /// Bytes that each kernel spills from registers to memory, by name.
  package var spilledBytes: [String: Int] {
    var (spills, kernel): ([String: Int], String) = ([:], "")
    for line in log.split(separator: "\n") {
      if let match = line.firstMatch(of: /Compiling entry function '(\w+)'/) { kernel = String(match.1) }
      if let match = line.firstMatch(of: /(\d+) bytes spill stores/) { spills[kernel] = Int(match.1) }
    }
    return spills
  }
}

/// CUDA's run-time compiler.
package enum KernelCompiler {
  /// - Parameter architecture: `sm_90a`.
  package static func compile(_ source: KernelSource, architecture: String) throws(CUDAError) -> CompiledKernels {
    let options = options(source, architecture: architecture)
    var (binary, log): (UnsafeMutableRawPointer?, UnsafeMutablePointer<CChar>?) = (nil, nil)
    var byteCount = 0
    let code = withCStrings(KernelSource.headers.map(\.value)) { headers in
      withCStrings(KernelSource.headers.map(\.key)) { names in
        withCStrings(options) { options in
          ccuda_compile(
            source.text, source.file, Int32(headers.count), headers.baseAddress, names.baseAddress,
            Int32(options.count), options.baseAddress, &binary, &byteCount, &log)
        }
      }
    }
    defer {
      free(binary)
      free(log)
    }
    let text = log.map { String(cString: $0) } ?? ""
    if code != 0, String(cString: ccuda_failed_call()) == "nvrtcCompileProgram" {
      throw .compilation(source: source.file, log: text)
    }
    try check(code)
    return CompiledKernels(
      binary: Array(UnsafeRawBufferPointer(start: binary, count: binary == nil ? 0 : byteCount)), log: text)
  }

  static func options(_ source: KernelSource, architecture: String) -> [String] {
    ["--gpu-architecture=\(architecture)", "--std=c++17", "--ptxas-options=-v"] + source.constants.map { "-D\($0)" }
  }
}

/// Lends texts as C does.
private func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
  let copies = texts.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  return copies.map { UnsafePointer($0) }.withUnsafeBufferPointer(body)
}

import CUDABackend
import Foundation
import Testing

/// Tests of what drives GPUs. One after the other: the libraries that are open, fake or not, are the process's.
@Suite("CUDA", .serialized)
struct CUDATests {}

/// The library that stands in for CUDA's, opened in their place.
final class FakeCUDA {
  /// Where the build puts it: beside the tests.
  static let library: String? = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let folders = [tests, CommandLine.arguments[0]].map { URL(filePath: $0).deletingLastPathComponent() }
    return folders.map { $0.appending(path: "libFakeCUDA.so").path }.first(where: FileManager.default.fileExists)
  }()

  /// With the names under which CUDA's libraries are looked for.
  let folder: String
  private let handle: UnsafeMutableRawPointer
  private let runsKernels: Bool

  /// Kernels for the processor, which are compiled once for all tests of this process.
  private static let processorKernels =
    FileManager.default.temporaryDirectory.appending(path: "fake-kernels-\(UUID().uuidString)").path

  /// Whether kernels can be made for the processor, which takes clang, and a processor whose stacks the library knows.
  static let computes: Bool = {
    #if arch(x86_64)
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/clang++") }
    #else
      return false
    #endif
  }()

  /// - Parameters:
  ///   - computes: whether kernels run, on the processor, instead of leaving memory as it is.
  ///   - hasProducts: whether matrix products have algorithms.
  init(computes: Bool = false, hasProducts: Bool = true) throws {
    runsKernels = computes
    if computes { setenv("FAKE_CUDA_COMPUTES", "1", 1) }
    if !hasProducts { setenv("FAKE_CUDA_NO_PRODUCTS", "1", 1) }
    let library = try #require(Self.library, "no libFakeCUDA.so beside the tests")
    folder = FileManager.default.temporaryDirectory.appending(path: "cuda-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["libcuda.so.1", "libnvrtc.so", "libcublasLt.so"] {
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: library)
    }
    handle = try #require(dlopen(library, RTLD_NOW))
    typealias Reset = @convention(c) () -> Void
    unsafeBitCast(try #require(dlsym(handle, "fake_cuda_reset")), to: Reset.self)()
    CUDALibraries.close()
    try CUDALibraries.open(folders: folder)
  }

  deinit {
    // The library itself stays: what a test made may be given back after this.
    CUDALibraries.close()
    unsetenv("FAKE_CUDA_COMPUTES")
    unsetenv("FAKE_CUDA_NO_PRODUCTS")
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// A folder for compiled kernels: gone with the library, but for those of the processor.
  var cache: KernelCache { KernelCache(folder: runsKernels ? Self.processorKernels : folder + "/kernels") }

  /// Names of the calls so far.
  var calls: [String] {
    get throws {
      typealias Calls = @convention(c) () -> UnsafePointer<CChar>
      let text = String(cString: unsafeBitCast(try symbol("fake_cuda_calls"), to: Calls.self)())
      return text.split(separator: "\n").map(String.init)
    }
  }

  /// Things that were made and not given back.
  var liveCount: Int {
    get throws {
      typealias Count = @convention(c) () -> Int32
      return Int(unsafeBitCast(try symbol("fake_cuda_live_count"), to: Count.self)())
    }
  }

  /// The next call of this name gives `code`.
  func fail(_ call: String, code: Int32) throws {
    typealias Fail = @convention(c) (UnsafePointer<CChar>, Int32) -> Void
    unsafeBitCast(try symbol("fake_cuda_fail"), to: Fail.self)(call, code)
  }

  /// The arguments of the last launch.
  var lastArguments: [UInt8] {
    get throws {
      typealias Arguments = @convention(c) (UnsafeMutablePointer<Int>) -> UnsafeRawPointer
      var count = 0
      let bytes = unsafeBitCast(try symbol("fake_cuda_arguments"), to: Arguments.self)(&count)
      return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }
  }

  private func symbol(_ name: String) throws -> UnsafeMutableRawPointer { try #require(dlsym(handle, name)) }
}

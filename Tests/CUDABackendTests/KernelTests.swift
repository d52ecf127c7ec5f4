import CUDASources
import Foundation
import TensorCore
import Testing

@testable import CUDABackend

/// Bytes of a thread's numbers that a kernel may keep in memory for want of registers: which they are differs with the
/// compiler's version, and a few outside of loops cost nothing.
private let allowedSpill = 32

/// Whether CUDA's compiler is on this machine; it needs no GPU.
private let hasCompiler: Bool = {
  defer { CUDALibraries.close() }
  return (try? CUDALibraries.openCompiler()) != nil
}()

extension CUDATests {
  @Suite struct KernelTests {
    @Test(
      .enabled(
        if: hasCompiler,
        "no NVRTC: pip install nvidia-cuda-nvrtc, and CATLM_CUDA_PATH its folder nvidia/cu13/lib"),
      arguments: ["sm_80", "sm_90a", "sm_100"])
    func `every kernel compiles, and the hot ones keep their numbers in registers`(architecture: String) throws {
      CUDALibraries.close()
      defer { CUDALibraries.close() }
      try CUDALibraries.openCompiler()
      for source in KernelCatalogue.sources(architecture: architecture) {
        let compiled = try KernelCompiler.compile(source, architecture: architecture)
        let machineCode = Data(compiled.binary.prefix(4))
        #expect(machineCode == Data([0x7f, 0x45, 0x4c, 0x46]), "\(source)")
        #expect(!compiled.log.contains("warning"), "\(source): \(compiled.log)")
        #expect(!compiled.spilledBytes.isEmpty, "\(source)")
        for (kernel, bytes) in compiled.spilledBytes {
          #expect(bytes <= allowedSpill, "\(kernel) of \(source) for \(architecture)")
        }
      }
    }

    @Test(arguments: [1, 2, 3, 5, 7, 16, 100, 641, 65_535, 1 << 20, Int(Int32.max)])
    func `kernels divide exactly`(divisor: Int) {
      for number in [0, 1, divisor - 1, divisor, divisor + 1, 12_345_677, 3 * divisor - 1, Int(Int32.max)]
      where number <= Int(Int32.max) {
        #expect(Divisor(divisor).quotient(number) == number / divisor, "\(number)")
      }
    }

    @Test(arguments: [
      AttentionPattern.causal(length: 200), .window(length: 200, size: 37), .blocks(leading: 2, length: 16),
      .staircase(globals: 9, locals: 129, chunk: 16), .staircase(globals: 51, locals: 201, chunk: 4),
    ])
    func `tiles hold all that a pattern allows, and little more`(pattern: AttentionPattern) {
      for drops in [false, true] {
        let shape = AttentionShape(
          pattern: pattern, sequenceCount: 32, headCount: 2, keyValueHeadCount: 2, headWidth: 64,
          dropsFirstQueries: drops)
        let (needed, computed) = KernelCatalogue.operations(shape)
        for (part, count) in computed {
          #expect(count >= needed && count < 4 * needed, "\(part) \(count / needed)")
        }
      }
    }
  }
}

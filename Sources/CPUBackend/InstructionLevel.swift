internal import CKernels

/// A set of vector instructions that the kernels are compiled for; each contains the ones before.
package enum InstructionLevel: String, CaseIterable, Sendable {
  /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline
  case avx2
  case avx512

  /// The levels that this machine can run, lowest first.
  package static var available: [InstructionLevel] {
    let detected = ck_detected_level().rawValue
    return allCases.filter { $0.kernelLevel.rawValue <= detected }
  }

  /// The highest level that this machine can run.
  package static var detected: InstructionLevel { available.last ?? .baseline }

  var kernelLevel: ck_level {
    switch self {
    case .baseline: CK_BASELINE
    case .avx2: CK_AVX2
    case .avx512: CK_AVX512
    }
  }
}

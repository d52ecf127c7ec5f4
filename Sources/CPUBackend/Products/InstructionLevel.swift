internal import CKernels
package import TensorCore

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// A set of vector instructions that the kernels are compiled for; each contains the ones before.
package enum InstructionLevel: String, CaseIterable, Comparable, CustomStringConvertible, Sendable {
  /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline
  case avx2
  case avx512
  /// With products of pairs of bfloat16 values; in single precision the same as the level before.
  case avx512BFloat16 = "avx512_bf16"
  /// With products of tiles of such pairs; in single precision the same as well.
  case amxBFloat16 = "amx_bf16"

  /// The environment variable that names the highest level to use.
  package static let variable = "CATLM_INSTRUCTIONS"

  package var description: String { rawValue }

  package static func < (left: InstructionLevel, right: InstructionLevel) -> Bool {
    left.kernelLevel.rawValue < right.kernelLevel.rawValue
  }

  /// The levels that differ in single precision and may be used here, lowest first: what this machine can run, up to
  /// the level that the environment names.
  package static var available: [InstructionLevel] { available(for: .float32) }

  /// The levels that differ in products of a precision and may be used here, lowest first.
  package static func available(for precision: ProductPrecision) -> [InstructionLevel] {
    let highest = min(limit ?? .amxBFloat16, precision == .float32 ? .avx512 : .amxBFloat16)
    return allCases.filter { $0 <= highest && $0.isSupported }
  }

  /// The highest of ``available(for:)``.
  package static func highest(for precision: ProductPrecision) -> InstructionLevel {
    available(for: precision).last ?? .baseline
  }

  /// Whether this machine can run the level. Of tiles, the system is asked.
  private var isSupported: Bool {
    switch self {
    case .baseline, .avx2, .avx512: kernelLevel.rawValue <= ck_detected_level().rawValue
    case .avx512BFloat16: ck_has_pair_products() != 0
    case .amxBFloat16: Self.hasTiles
    }
  }

  private static let hasTiles = ck_has_tile_products() != 0

  var kernelLevel: ck_level {
    switch self {
    case .baseline: CK_BASELINE
    case .avx2: CK_AVX2
    case .avx512: CK_AVX512
    case .avx512BFloat16: CK_AVX512_BF16
    case .amxBFloat16: CK_AMX_BF16
    }
  }
}

// MARK: The environment's limit

extension InstructionLevel {
  /// The level that the environment names; nil where it names none. Who uses a backend has asked
  /// ``requireKnownLimit()`` before.
  private static let limit: InstructionLevel? = {
    do {
      return try limit(named: environmentValue)
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  private static var environmentValue: String? { unsafe getenv(variable).map { unsafe String(cString: $0) } }

  /// Refuses an environment that names a level that is unknown or that this machine cannot run.
  package static func requireKnownLimit() throws(InstructionError) {
    _ = try limit(named: environmentValue)
  }

  /// - Parameter name: what the variable holds; nothing or nil: there is no limit.
  package static func limit(named name: String?) throws(InstructionError) -> InstructionLevel? {
    guard let name, !name.isEmpty else { return nil }
    guard let level = InstructionLevel(rawValue: name), level.isSupported else {
      throw InstructionError(found: name, allowed: allCases.filter(\.isSupported))
    }
    return level
  }
}

/// A level of instructions that cannot be used on this machine.
package struct InstructionError: Error, CustomStringConvertible {
  let found: String
  let allowed: [InstructionLevel]

  package var description: String {
    "\(InstructionLevel.variable): found \(found), allowed on this machine: "
      + allowed.map(\.rawValue).joined(separator: ", ")
  }
}

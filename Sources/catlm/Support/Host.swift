import CPUBackend
import Foundation
import JSON
import Logging
import Parallel
import Telemetry
import TensorCore

/// What the program finds on the machine, and the backend that it makes of it.
enum Host {
  /// Cores that this process may use; its affinity and the quotas of its control groups count.
  static var coreCount: Int { AvailableCores().count }

  /// Their number in words.
  static var cores: String { AvailableCores().text }

  /// Threads for a rank: as set, or its share of the cores that it may use. All ranks call it.
  ///
  /// A launcher may give each rank cores of its own or all ranks the same ones: those that may use the same share them,
  /// and so do those that one quota binds.
  static func threadCount(setting: Int?, group: any ProcessGroup) throws -> Int {
    let shares = try sharedCores(group).map { $0.coreCount / $0.rankCount }
    return setting ?? max(1, shares.min() ?? 1)
  }

  /// Whether the cores that this rank may use, which others may share, are enough for one more thread of each such rank.
  /// All ranks call it.
  static func hasSpareCore(beside threadCount: Int, group: any ProcessGroup) throws -> Bool {
    try sharedCores(group).allSatisfy { $0.rankCount * (threadCount + 1) <= $0.coreCount }
  }

  /// The cores that this rank may run on and those that its quota comes to, each with the number of ranks that share
  /// them. All ranks call it.
  private static func sharedCores(_ group: any ProcessGroup) throws -> [(coreCount: Int, rankCount: Int)] {
    let cores = AvailableCores()
    let names = try [cores.allowed.name, cores.quota?.name ?? ""].map { name in
      let own = "\(group.hostName) \(name)"
      return try group.allGather(own).count { $0 == own }
    }
    let allowed = (cores.allowed.coreCount, names[0])
    return cores.quota.map { [allowed, ($0.coreCount, names[1])] } ?? [allowed]
  }

  /// Says so when the ranks of this machine have more threads than it has cores, which is slower by far than as many.
  /// All ranks call it.
  static func warnOfCrowding(_ threadCount: Int, group: any ProcessGroup, _ logger: Logger) throws {
    let shared = try sharedCores(group)
    guard group.rank == 0, let crowded = shared.first(where: { $0.rankCount * threadCount > $0.coreCount }) else {
      return
    }
    logger.warning("\(crowding(threadCount, rankCount: crowded.rankCount))")
  }

  /// More threads than cores, in words.
  static func crowding(_ threadCount: Int, rankCount: Int) -> String {
    let threads = threadCount == 1 ? "1 thread" : "\(threadCount) threads"
    let ranks = rankCount == 1 ? "" : "\(rankCount) ranks of "
    return "\(ranks)\(threads) share \(cores): they wait for each other, and as many threads as cores are faster by far"
  }

  /// Starts the program anew with kernels of BLAS that fit the processor, where BLAS chose others: it reads the
  /// environment for that when it is loaded. Nothing happens where the environment names kernels.
  static func restartWithFittingBLAS() {
    let chosen = CPUBackend.blasCoreName
    guard let better = CPUBackend.betterBLASCore(than: chosen, at: .highest(for: .float32)) else { return }
    guard ProcessInfo.processInfo.environment[blasVariable] == nil else { return }
    setenv(blasVariable, better, 1)
    setenv(passedOverVariable, chosen, 1)
    // Returns on failure alone: the program then goes on as it is. The arguments go on byte by byte.
    execv("/proc/self/exe", CommandLine.unsafeArgv)
  }

  /// What OpenBLAS reads for its kernels.
  private static let blasVariable = "OPENBLAS_CORETYPE"
  /// The kernels that it chose first, for the program that was started anew.
  private static let passedOverVariable = "CATLM_BLAS_PASSED_OVER"

  /// Says so when BLAS was given other kernels than it chose, or the environment may hold it below what the processor
  /// can do.
  static func warnOfSlowBLAS(_ logger: Logger) {
    let environment = ProcessInfo.processInfo.environment
    guard let forced = environment[blasVariable] else { return }
    if let passedOver = environment[passedOverVariable] {
      logger.info(
        "BLAS does not know this processor and chose kernels without AVX2; it uses better ones",
        fields: ["chosen": "\(passedOver)", "used": "\(CPUBackend.blasCoreName)"])
      return
    }
    logger.warning(
      "OPENBLAS_CORETYPE is set; unset it to let BLAS choose its kernels",
      fields: ["forced": "\(forced)", "used": "\(CPUBackend.blasCoreName)"])
  }

  /// What a rank of the backend has on this machine, in a line.
  static func equipment(of backend: CPUBackend) -> String {
    let memory = Format.bytes(Int(clamping: ProcessInfo.processInfo.physicalMemory))
    let threads = backend.threadCount == 1 ? "1 thread" : "\(backend.threadCount) threads"
    let products =
      backend.precision == .float32 ? "BLAS for \(CPUBackend.blasCoreName)" : "\(backend.precision) products"
    return "\(threads) a rank, \(cores), \(memory) of memory, \(backend.instructionLevel) kernels, "
      + products
  }

  /// The processor's name as the system gives it, `unknown` where it gives none.
  static let processorName: String = {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    let name = line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? ""
    return name.isEmpty ? "unknown" : name
  }()

  /// What a benchmark's result depends on, for its JSON.
  static func machine(of backend: CPUBackend) -> JSONValue {
    [
      "processor": .text(processorName), "cores": .integer(coreCount),
      "memory_bytes": .integer(Int(clamping: ProcessInfo.processInfo.physicalMemory)),
      "instructions": .text(backend.instructionLevel.rawValue), "blas": .text(CPUBackend.blasCoreName),
    ]
  }

  /// Why products of that precision gain nothing with these instructions; nil where they do.
  static func slowness(of precision: ProductPrecision, at level: InstructionLevel) -> String? {
    precision == .bfloat16 && level < .avx512BFloat16
      ? "this processor has no instructions for it (AVX512-BF16): float32 is faster" : nil
  }

  /// - Parameter level: instructions to use; by default the highest.
  static func makeBackend(
    threadCount: Int, precision: ProductPrecision = .float32, level: InstructionLevel? = nil
  ) -> CPUBackend {
    requireBuffers(threadCount: threadCount)
    return CPUBackend(threadCount: threadCount, level: level, precision: precision)
  }

  /// A backend that takes the memory that such a one would take, and computes nothing.
  static func makePlanner(
    threadCount: Int, precision: ProductPrecision = .float32, level: InstructionLevel? = nil
  ) -> CPUBackend {
    CPUBackend(threadCount: threadCount, level: level, precision: precision, computes: false)
  }
}

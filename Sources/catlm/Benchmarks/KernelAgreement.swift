import CPUBackend
import Logging
import Parallel
import TensorCore

/// The kernels that all ranks of a run use.
///
/// Every rank updates weights of its own by the same gradients. Kernels of different instructions round the norm and the
/// update differently, so that ranks on different processors would drift apart: all use the lowest instructions that any
/// of them has. BLAS makes gradients alone, which are summed before anybody uses them; with the same kernels on all ranks
/// a run does not depend on which rank is where.
enum KernelAgreement {
  /// The instructions to use; the same on all ranks, which all call it, before their first product.
  static func level(
    for precision: ProductPrecision, in group: any ProcessGroup, _ logger: Logger
  ) throws -> InstructionLevel {
    let own = InstructionLevel.highest(for: precision)
    let found = try group.allGather("\(own.rawValue) \(CPUBackend.blasCoreName)")
    guard Set(found).count > 1 else { return own }
    let words = found.map { $0.split(separator: " ", maxSplits: 1).map(String.init) }
    let level = words.compactMap { InstructionLevel(rawValue: $0[0]) }.min() ?? own
    // Where all ranks have the same kernels of BLAS already, the user chose them or they are right.
    let core = Set(words.map(\.last)).count > 1 ? CPUBackend.blasCore(at: level) : CPUBackend.blasCoreName
    let isSet = CPUBackend.useBLAS(core: core)
    let failed = try group.allGather(isSet ? "" : CPUBackend.blasCoreName)
    guard group.rank == 0 else { return level }
    logger.notice(
      "ranks are on different processors; all use kernels that each of them has",
      metadata: ["kernels": "\(level)", "blas": "\(core)", "found": "\(list(found))"])
    if failed.contains(where: { !$0.isEmpty }) {
      logger.warning(
        "BLAS cannot change its kernels on all ranks: to the last bit, results depend on which rank is where",
        metadata: ["kept": "\(list(failed))", "remedy": "OPENBLAS_CORETYPE=\(core) on all ranks"])
    }
    return level
  }

  /// Such as `avx2 Haswell (ranks 0-3), baseline Prescott (ranks 4)`; ranks without a name are left out.
  private static func list(_ names: [String]) -> String {
    let ranks = Dictionary(grouping: names.indices) { names[$0] }
    return ranks.filter { !$0.key.isEmpty }.sorted { $0.value[0] < $1.value[0] }
      .map { "\($0.key) (ranks \(HostReport.list($0.value)))" }.joined(separator: ", ")
  }
}

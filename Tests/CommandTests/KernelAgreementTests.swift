import Foundation
import Testing

extension CommandTests {
  /// Ranks whose processors have different instructions, as far as one machine can pretend that.
  @Suite struct KernelAgreementTests {
    private static let hasAVX2 = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains(" avx2 ")

    /// Two ranks with variables of their own; weights are compared before every step.
    private func train(_ settings: [[String]], _ overrides: [String], _ workspace: Workspace, run: String) throws
      -> Outcome
    {
      let sets = (["parallel.check_interval=1"] + overrides).flatMap { ["--set", $0] }
      let arguments = Array(repeating: Workspace.training(run) + sets, count: 2)
      return try Command.mpirun(each: arguments, settings: settings, in: workspace.path).run().succeeded()
    }

    @Test(
      .enabled(if: hasAVX2 == true, "no AVX2"),
      arguments: [["baseline", "avx2"], ["avx2", "baseline"]], ["float32", "bfloat16"])
    func `ranks on processors with different instructions use the lowest and stay alike`(
      levels: [String], precision: String
    ) throws {
      let workspace = try Workspace()
      let overrides = ["train.precision=\(precision)"]
      let mixed = try train(levels.map { ["CATLM_INSTRUCTIONS=\($0)"] }, overrides, workspace, run: "mixed")
      let lines = mixed.errorLines.filter { $0.contains("ranks are on different processors") }
      #expect(lines.count == 1 && lines[0].contains("kernels=baseline"), "\(mixed.errors)")
      for (rank, level) in levels.enumerated() {
        #expect(lines.first?.contains("\(level) ") == true && lines.first?.contains("(ranks \(rank))") == true)
      }
      #expect(try workspace.losses(run: "mixed").count == 12)
      let low = try train(
        [["CATLM_INSTRUCTIONS=baseline"], ["CATLM_INSTRUCTIONS=baseline"]], overrides, workspace, run: "low")
      #expect(!low.errors.contains("different processors"), "\(low.errors)")
      // BLAS has chosen for the processor, which is the same for both.
      #expect(try workspace.losses(run: "mixed") == workspace.losses(run: "low"))
    }

    @Test(.enabled(if: hasAVX2 == true, "no AVX2")) func `ranks with other kernels of BLAS get the same`() throws {
      let workspace = try Workspace()
      let cores = [["OPENBLAS_CORETYPE=Prescott"], ["OPENBLAS_CORETYPE=Haswell"]]
      let settings = cores.map { ["CATLM_INSTRUCTIONS=avx2"] + $0 }
      let mixed = try train(settings, [], workspace, run: "mixed")
      let line = mixed.errorLines.first { $0.contains("ranks are on different processors") }
      #expect(line?.contains("blas=Haswell") == true, "\(mixed.errors)")
      #expect(!mixed.errors.contains("BLAS cannot change its kernels"), "\(mixed.errors)")
      _ = try train([settings[1], settings[1]], [], workspace, run: "alike")
      #expect(try workspace.losses(run: "mixed") == workspace.losses(run: "alike"))
    }
  }
}

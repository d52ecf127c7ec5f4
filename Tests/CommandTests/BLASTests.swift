import Foundation
import Testing

extension CommandTests {
  @Suite struct BLASTests {
    private static let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/usr/bin/gcc"]
      .first(where: FileManager.default.isExecutableFile)
    private static let hasAVX2 = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains(" avx2 ")

    /// Trains one step with an OpenBLAS that says it chose the kernels for `core`.
    private func train(core: String, _ settings: [String] = []) throws -> Outcome {
      let workspace = try Workspace()
      try workspace.write("char *openblas_get_corename(void) { return \"\(core)\"; }\n", "core.c")
      let compiler = try #require(Self.compiler)
      let build = ["-shared", "-fPIC", "-o", "core.so", "core.c"]
      try Command(executable: compiler, arguments: build, directory: workspace.path).run().succeeded()
      let words = settings + ["LD_PRELOAD=\(workspace.file("core.so"))", try #require(Program.path)]
      return try Command(
        executable: "/usr/bin/env", arguments: words + Workspace.training("run") + ["--set", "train.steps=1"],
        directory: workspace.path
      ).run().succeeded()
    }

    @Test(
      .enabled(if: compiler != nil, "no C compiler"),
      .enabled(if: hasAVX2 == true, "no AVX2"))
    func `where BLAS chose old kernels the program starts anew with better ones, once`() throws {
      let outcome = try train(core: "Prescott")
      let lines = outcome.errorLines.filter { $0.contains("it uses better ones") }
      #expect(lines.count == 1 && lines[0].contains("chosen=Prescott"), "\(outcome.errors)")
      #expect(!outcome.errors.contains("OPENBLAS_CORETYPE is set"), "\(outcome.errors)")
    }

    @Test(.enabled(if: compiler != nil, "no C compiler"))
    func `kernels that the environment names or that fit stay`() throws {
      let named = try train(core: "Prescott", ["OPENBLAS_CORETYPE=Prescott"])
      #expect(named.errors.contains("OPENBLAS_CORETYPE is set; unset it"), "\(named.errors)")
      let fitting = try train(core: "Haswell")
      for outcome in [named, fitting] { #expect(!outcome.errors.contains("it uses better ones"), "\(outcome.errors)") }
      #expect(!fitting.errors.contains("OPENBLAS_CORETYPE"), "\(fitting.errors)")
    }

    /// The program with a limit of its instructions.
    private func catlm(instructions: String, _ arguments: [String], in directory: String) throws -> Outcome {
      let words = ["CATLM_INSTRUCTIONS=\(instructions)", try #require(Program.path)]
      return try Command(executable: "/usr/bin/env", arguments: words + arguments, directory: directory).run()
    }

    @Test(arguments: ["sse2", "AVX2"])
    func `instructions that are unknown are refused with code 2 and one line`(name: String) throws {
      let outcome = try catlm(instructions: name, ["--version"], in: Program.root)
      #expect(outcome.code == 2 && outcome.output.isEmpty)
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(
        outcome.errors.hasPrefix("catlm: CATLM_INSTRUCTIONS: found \(name), allowed on this machine: baseline"),
        "\(outcome.errors)")
    }

    @Test func `the environment limits the instructions of a run`() throws {
      let workspace = try Workspace()
      let training = Workspace.training("run") + ["--set", "train.steps=1"]
      let outcome = try catlm(instructions: "baseline", training, in: workspace.path).succeeded()
      #expect(outcome.errors.contains("baseline kernels"), "\(outcome.errors)")
    }
  }
}

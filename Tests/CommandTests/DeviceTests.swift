import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct DeviceTests {
    private static let arguments = ["benchmark", "kernels", "--device", "cuda", "--seconds", "0.001", "--threads", "1"]

    /// The library that stands in for CUDA's, beside the program; nil where it was not built.
    private static let fake: String? = {
      let folder = URL(filePath: Program.path ?? "/").deletingLastPathComponent()
      let file = folder.appending(path: "libFakeCUDA.so").path
      return FileManager.default.fileExists(atPath: file) ? file : nil
    }()

    private static let hasDriver = FileManager.default.fileExists(atPath: "/dev/nvidia0")

    @Test(.enabled(if: !hasDriver, "this machine has a GPU"))
    func `without a driver there is one line that says so`() throws {
      let outcome = try Command.catlm(Self.arguments).run()
      #expect(outcome.code == 2 && outcome.output.isEmpty)
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains("libcuda.so.1"), "\(outcome.errors)")
    }

    @Test(arguments: [["--size", "M"], ["--chunk-size", "17"], ["--device", "tpu"]])
    func `an option that cannot be is refused`(options: [String]) throws {
      let outcome = try Command.catlm(Self.arguments + options).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(options[0]), "\(outcome.errors)")
    }

    /// Kernels for the processor, which are compiled once for all tests of this process.
    private static let processorKernels =
      FileManager.default.temporaryDirectory.appending(path: "fake-kernels-\(UUID().uuidString)").path

    /// The library's names in a workspace, and the environment that makes the program open them.
    private static func environment(_ workspace: Workspace, computes: Bool = false) throws -> [String] {
      for name in ["libcuda.so.1", "libnvrtc.so", "libcublasLt.so"] {
        try FileManager.default.createSymbolicLink(
          atPath: workspace.file(name), withDestinationPath: try #require(Self.fake))
      }
      let kernels = computes ? processorKernels : workspace.path + "/kernels"
      return ["CATLM_CUDA_PATH=\(workspace.path)", "CATLM_CACHE=\(kernels)"]
        + (computes ? ["FAKE_CUDA_COMPUTES=1"] : [])
    }

    private static func run(_ environment: [String], _ arguments: [String], in directory: String) throws -> Outcome {
      try Command(
        executable: "/usr/bin/env", arguments: environment + [try #require(Program.path)] + arguments,
        directory: directory
      ).start().wait(atMost: .seconds(900))
    }

    /// Whether the library can run kernels on the processor.
    private static let computes: Bool = {
      #if arch(x86_64)
        return fake != nil && Program.has("clang++")
      #else
        return false
      #endif
    }()

    @Test(
      .enabled(if: !hasDriver, "this machine has a GPU"),
      arguments: [
        ["train", "tiny.yaml"], ["evaluate", "run"], ["generate", "run", "--prompt", "a"],
        ["parity", Program.root + "/Tests/Fixtures/golden/tiny"], ["benchmark", "train"],
      ])
    func `a GPU that is not there is one line and code 2, and auto does without`(arguments: [String]) throws {
      let workspace = try Workspace(isTrained: ["evaluate", "generate"].contains(arguments[0]))
      let refused = try Command.catlm(arguments + ["--device", "cuda"], in: workspace.path).run()
      #expect(refused.code == 2 && refused.output.isEmpty)
      #expect(refused.errorLines.count == 1 && refused.errors.contains("libcuda.so.1"), "\(refused.errors)")
      let unknown = try Command.catlm(arguments + ["--device", "tpu"], in: workspace.path).run()
      #expect(unknown.code == 2 && unknown.errors.contains("--device"), "\(unknown.errors)")
      guard arguments[0] != "benchmark" else { return }
      let outcome = try Command.catlm(arguments + ["--device", "auto"], in: workspace.path).run().succeeded()
      #expect(!outcome.errors.contains("GPU"), "\(outcome.errors)")
    }

    @Test func `a sweep is of the processor's cores`() throws {
      let outcome = try Command.catlm(["benchmark", "train", "--sweep", "--device", "cuda"]).run()
      #expect(outcome.code == 2 && outcome.errors.contains("--sweep"), "\(outcome.errors)")
    }

    @Test(.enabled(if: computes, "no clang++, or no libFakeCUDA.so beside the program"))
    func `parity holds with a GPU's kernels run on the processor`() throws {
      let workspace = try Workspace()
      let outcome = try Self.run(
        Self.environment(workspace, computes: true),
        ["parity", "--device", "auto", "--json", Program.root + "/Tests/Fixtures/golden/tiny"], in: workspace.path
      ).succeeded()
      #expect(
        outcome.errorLines.count == 1 && outcome.errors.contains("catlm: on Fake GPU (GPU 0"), "\(outcome.errors)")
      #expect(try outcome.objects.map { $0["holds"] } == [.flag(true)])
    }

    @Test(.enabled(if: computes, "no clang++, or no libFakeCUDA.so beside the program"))
    func `a run goes on from one device to the other`() throws {
      let workspace = try Workspace()
      let environment = try Self.environment(workspace, computes: true)
      // The rate of a step does not hang on how many are to come.
      let constant = ["--set", "schedule.kind=constant"]
      let arguments = Workspace.training("run") + constant
      try Self.run(environment, arguments + ["--device", "cuda", "--set", "train.steps=4"], in: workspace.path)
        .succeeded()
      let stopped = try Command.catlm(arguments + ["--device", "cpu", "--set", "train.steps=8"], in: workspace.path)
        .run()
      try stopped.succeeded()
      #expect(stopped.errors.contains("BLAS and kernels changed"), "\(stopped.errors)")
      try Self.run(environment, arguments + ["--device", "cuda", "--set", "train.steps=12"], in: workspace.path)
        .succeeded()
      try Self.run(
        [], Workspace.training("plain") + constant + ["--device", "cpu", "--set", "train.steps=12"], in: workspace.path
      )
      .succeeded()
      let (found, expected) = (try workspace.losses(run: "run"), try workspace.losses(run: "plain"))
      #expect(found.count == 12)
      for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-4 * b, "\(a) \(b)") }
      let text = try Self.run(
        environment, ["generate", "run", "--prompt", "a", "--max-tokens", "5", "--device", "cuda"], in: workspace.path
      ).succeeded()
      #expect(text.errors.contains("catlm: on Fake GPU"))
      try Self.run(environment, ["evaluate", "run", "--device", "cuda", "--quiet"], in: workspace.path).succeeded()
    }

    @Test(.enabled(if: computes, "no clang++, or no libFakeCUDA.so beside the program"))
    func `two ranks on one GPU give the curve of one`() throws {
      let workspace = try Workspace()
      let environment = try Self.environment(workspace, computes: true)
      let options = ["--device", "cuda", "--set", "train.steps=6"]
      try Self.run(environment, Workspace.training("one") + options, in: workspace.path).succeeded()
      let program = [try #require(Program.path)] + Workspace.training("two") + options
      try Command(
        executable: "/usr/bin/env",
        arguments: environment + ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "2"] + program,
        directory: workspace.path
      ).start().wait(atMost: .seconds(900)).succeeded()
      let (one, two) = (try workspace.losses(run: "one"), try workspace.losses(run: "two"))
      #expect(one.count == 6 && two.count == 6)
      for (a, b) in zip(one, two) { #expect(abs(a - b) < 1e-5 * a, "\(a) \(b)") }
    }

    @Test(.enabled(if: fake != nil, "no libFakeCUDA.so beside the program"))
    func `a GPU that fails in the middle of its work ends the program with one line`() throws {
      let workspace = try Workspace()
      let environment = try Self.environment(workspace) + ["FAKE_CUDA_FAILS=cuLaunchKernel"]
      let outcome = try Self.run(
        environment, ["parity", "--device", "cuda", Program.root + "/Tests/Fixtures/golden/tiny"], in: workspace.path)
      #expect(outcome.code == 1)
      #expect(outcome.errorLines.last == "catlm: GPU: cuLaunchKernel: a fake failure", "\(outcome.errors)")
    }

    @Test(.enabled(if: fake != nil, "no libFakeCUDA.so beside the program"))
    func `kernels that compute nothing are wrong, after all that was measured is printed`() throws {
      let workspace = try Workspace()
      let variables = try Self.environment(workspace)
      let program = [try #require(Program.path)] + Self.arguments + ["--size", "S", "--only", "norm"]
      let outcome = try Command(
        executable: "/usr/bin/env", arguments: variables + program + ["--json"], directory: workspace.path
      ).run()
      #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("checks against the processor failed"), "\(outcome.errors)")
      let report = try #require(try outcome.objects.first)
      #expect(report["device"] == .text("Fake GPU"))
      let names = try #require(report["kernels"]?.listValue).map { $0["kernel"]?.textValue }
      #expect(
        names == ["rotation with norms forward", "rotation with norms backward", "norm forward", "norm backward"])
      let table = try Command(
        executable: "/usr/bin/env", arguments: variables + program, directory: workspace.path
      ).run()
      #expect(table.outputLines.first == "Fake GPU, size S, C = 16" && table.output.contains("norm backward"))
    }
  }
}

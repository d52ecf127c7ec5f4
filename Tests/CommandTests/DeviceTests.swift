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

    @Test(.enabled(if: fake != nil, "no libFakeCUDA.so beside the program"))
    func `kernels that compute nothing are wrong, after all that was measured is printed`() throws {
      let workspace = try Workspace()
      for name in ["libcuda.so.1", "libnvrtc.so", "libcublasLt.so"] {
        try FileManager.default.createSymbolicLink(
          atPath: workspace.file(name), withDestinationPath: try #require(Self.fake))
      }
      let variables = ["CATLM_CUDA_PATH=\(workspace.path)", "CATLM_CACHE=\(workspace.path)/kernels"]
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

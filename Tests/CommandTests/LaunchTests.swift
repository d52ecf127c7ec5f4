import Foundation
import Testing

extension CommandTests {
  /// The launch scripts with programs in the place of those that they start.
  @Suite struct LaunchTests {
    private let workspace: Workspace

    init() throws {
      workspace = try Workspace()
    }

    @Test(arguments: [
      ([7, 9, 0], 2, Int32(0), 3), ([7, 9, 0], 1, 9, 2), ([7], 0, 7, 1), ([2], 3, 2, 1), ([0], 3, 0, 1),
      ([1, 2], 3, 2, 2),
    ])
    func `launch local starts again after a crash`(codes: [Int], restarts: Int, code: Int32, starts: Int) throws {
      try workspace.write(
        program: "fake",
        """
        echo "$@" >>\(workspace.file("starts"))
        codes=(\(codes.map(String.init).joined(separator: " ")))
        exit ${codes[$(wc -l <\(workspace.file("starts"))) - 1]}
        """)
      let outcome = try workspace.script(
        "local", ["1", "tiny.yaml", "--restarts", "\(restarts)", "--run", "run"],
        environment: ["CATLM_BINARY": workspace.file("fake")]
      ).run()
      #expect(outcome.code == code, "\(outcome.errors)")
      let found = workspace.lines("starts")
      #expect(found.count == starts)
      #expect(found.allSatisfy { $0.hasPrefix("train tiny.yaml ") && $0.hasSuffix(" --run run") }, "\(found)")
    }

    @Test func `a signal while launch local waits to start again ends it`() throws {
      try workspace.write(program: "fake", "echo start >>\(workspace.file("starts"))\nexit 7")
      let running = try workspace.script(
        "local", ["1", "tiny.yaml", "--restarts", "9"], environment: ["CATLM_BINARY": workspace.file("fake")]
      ).start()
      try running.wait { workspace.lines("starts").count >= 2 }
      running.send(SIGTERM)
      #expect(try running.wait().code == 7)
      #expect(workspace.lines("starts").count < 5)
    }

    @Test(arguments: [
      (["--restarts"], "--restarts: found nothing, allowed: 0 and more"),
      (["--restarts", "-1"], "--restarts: found -1, allowed: 0 and more"),
    ])
    func `a number of restarts that is none is refused`(arguments: [String], message: String) throws {
      let outcome = try workspace.script("local", ["1", "tiny.yaml"] + arguments, environment: [:]).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines == ["launch/local: " + message])
    }

    @Test(arguments: [
      ("node1 slots=2 max-slots=3\n", "hosts.txt line 1: found max-slots=3, allowed: HOST [slots=NUMBER]"),
      ("# none\n\n", "hosts.txt: no host"), ("a\nb slots=0", "hosts.txt line 2: found slots=0"),
    ])
    func `a host file that cannot be read is refused`(content: String, message: String) throws {
      try workspace.write(content, "hosts.txt")
      let outcome = try workspace.script("hosts", ["hosts.txt", "tiny.yaml"], environment: [:]).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test(arguments: [
      ("echo no way there >&2; exit 255", "node1 cannot take part"), ("echo Hello", "it said: Hello"),
      ("echo catlm-host; echo 123 -; echo 4", "node1 has another"),
    ])
    func `a host that cannot take part is refused`(answer: String, message: String) throws {
      try workspace.write(program: "agent", answer)
      try workspace.write("node1 slots=2\nnode2 # one rank\n", "hosts.txt")
      let outcome = try workspace.script(
        "hosts", ["hosts.txt", "tiny.yaml"], environment: ["OMPI_MCA_plm_rsh_agent": workspace.file("agent")]
      ).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.last?.contains(message) == true, "\(outcome.errors)")
    }

    @Test(arguments: ["local", "hosts", "two-hosts", "slurm.sbatch", "test-two-hosts"])
    func `a script says how it is used`(_ name: String) throws {
      let outcome = try workspace.script(name, ["--help"], environment: [:]).run().succeeded()
      #expect(outcome.output.contains("Usage: ") && outcome.output.contains("launch/" + name))
      #expect(outcome.errors.isEmpty)
    }
  }
}

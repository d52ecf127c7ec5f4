import Foundation
import Testing

extension CommandTests {
  /// Where the launch scripts work, and what they ask of machines.
  @Suite struct LaunchPlaceTests {
    private let workspace: Workspace

    init() throws {
      workspace = try Workspace()
    }

    @Test func `what the user types is relative to where the user stands`() throws {
      try workspace.write(program: "bin/fake", "pwd; echo \"$@\"")
      let outcome = try workspace.script(
        "local", ["1", "tiny.yaml", "--run", "run"], environment: ["CATLM_BINARY": "bin/fake"]
      ).run().succeeded()
      #expect(outcome.outputLines.first == workspace.path)
      #expect(outcome.outputLines[1].hasPrefix("train tiny.yaml ") && outcome.outputLines[1].hasSuffix(" --run run"))
    }

    @Test func `a run by launch local trains on data and in a directory beside the user`() throws {
      let outcome = try workspace.script("local", ["2", "tiny.yaml"], environment: [:]).run()
      try outcome.succeeded()
      #expect(try workspace.records(run: "runs/tiny").count == 12)
    }

    @Test func `hosts that greet on standard output and standard error take part`() throws {
      try workspace.write(program: "bin/mpirun", "echo \"$@\" >>\(workspace.file("starts"))")
      try workspace.write(
        program: "agent",
        """
        echo "Welcome to $1" >&2
        echo "You have mail"
        bash -c "$2"
        echo "Authorized use only" >&2
        """)
      try workspace.write("node1 slots=2\nnode2\n", "hosts.txt")
      let environment = ["PATH": workspace.searchPath, "OMPI_MCA_plm_rsh_agent": workspace.file("agent")]
      let outcome = try workspace.script("hosts", ["hosts.txt", "tiny.yaml"], environment: environment).run()
      try outcome.succeeded()
      #expect(outcome.errors.contains("== node1: ranks: 2, cores: "), "\(outcome.errors)")
      let start = try #require(workspace.lines("starts").first)
      #expect(start.contains(" -np 3 ") && start.hasSuffix(" train tiny.yaml"), "\(start)")
    }

    @Test func `a program that is there spares compilers and build packages`() throws {
      try workspace.write(program: "bin/fake", "echo \"$@\" >>\(workspace.file("starts"))")
      try workspace.write(program: "bin/apt-get", "echo \"$@\" >>\(workspace.file("installs"))")
      try workspace.write(program: "bin/ssh", "false")
      try workspace.write(program: "bin/mpirun", "while [[ $1 != */fake ]]; do shift; done; exec \"$@\"")
      // A machine with nothing but what every Debian has.
      for name in [
        "bash", "cat", "dirname", "env", "grep", "ldd", "mktemp", "nproc", "pgrep", "pkill", "sed", "setsid", "sleep",
        "sort",
      ] {
        let places = ["/usr/bin/", "/bin/"].map { $0 + name }
        let place = try #require(places.first(where: FileManager.default.isExecutableFile), "\(name)")
        try FileManager.default.createSymbolicLink(
          atPath: workspace.file("bin/\(name)"), withDestinationPath: place)
      }
      let environment = ["PATH": workspace.file("bin"), "CATLM_BINARY": "bin/fake"]
      try workspace.script("local", ["1", "tiny.yaml"], environment: environment).run().succeeded()
      #expect(workspace.lines("installs") == [])
      #expect(workspace.lines("starts").count == 1)
    }

    @Test func `a program that lacks a library is refused by the library's name`() throws {
      try workspace.write(program: "bin/ldd", "printf '\\tlibc.so.6 => /lib\\n\\tlibswiftCore.so => not found\\n'")
      try workspace.write(program: "bin/fake", "true")
      let environment = ["PATH": workspace.searchPath, "CATLM_BINARY": "bin/fake"]
      let outcome = try workspace.script("local", ["1", "tiny.yaml"], environment: environment).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.last?.contains("this machine lacks libswiftCore.so") == true, "\(outcome.errors)")
    }

    @Test(arguments: [
      ("0::/jobs/one", "/sys/fs/cgroup/jobs/cpu.max", "100000 100000", "1"),
      ("0::/jobs/one", "/sys/fs/cgroup/cpu.max", "260000 100000", "3"),
      ("0::/jobs/one", "/sys/fs/cgroup/jobs/one/cpu.max", "max 100000", ""),
      ("4:cpu,cpuacct:/job", "/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "20000", "1"),
      ("4:cpu,cpuacct:/job", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1", ""),
      ("4:memory:/job", "/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "20000", ""),
    ])
    func `the launch scripts count a CPU quota`(group: String, file: String, content: String, expected: String) throws {
      let folder = URL(filePath: workspace.file("system" + file)).deletingLastPathComponent().path
      for folder in [folder, workspace.file("system/proc/self")] {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      }
      try workspace.write(group + "\n", "system/proc/self/cgroup")
      try workspace.write(content + "\n", "system" + file)
      if file.hasSuffix("quota_us") {
        try workspace.write("100000\n", "system" + file.replacing("quota_us", with: "period_us"))
      }
      let outcome = try workspace.function("system_root=system; quota_cores; echo; core_count").succeeded()
      #expect(outcome.outputLines.dropLast() == (expected.isEmpty ? [] : [expected]))
      if expected == "1" { #expect(outcome.outputLines.last == "1") }
    }
  }
}

import JSON
import Testing

extension CommandTests {
  @Suite struct AllreduceTests {
    private static let arguments = ["benchmark", "allreduce", "--sizes", "4KiB,1MiB,12", "--json"]

    @Test(arguments: ["float32", "bfloat16"])
    func `ranks time their sums`(wire: String) throws {
      let arguments = Self.arguments + ["--wire", wire]
      let outcome = try Command.mpirun(ranks: 2, arguments, in: Program.root).run().succeeded()
      let objects = try outcome.objects
      #expect(objects.map { $0["bytes"]?.integerValue } == [4096, 1 << 20, 12])
      for object in objects {
        let number = { (key: String) throws in try #require(object[key]?.numberValue, "\(key) in \(object)") }
        let (bytes, seconds) = (try number("bytes"), try number("seconds"))
        #expect(object["ranks"] == .integer(2))
        #expect(object["wire"] == .text(wire))
        #expect(try number("copy_bytes_per_second") > 0)
        #expect(abs(try number("algorithm_bytes_per_second") * seconds / bytes - 1) < 1e-9)
        // Two ranks send each other half of the values and half of the sums.
        let share = wire == "float32" ? 1.0 : 0.5
        #expect(abs(try number("bus_bytes_per_second") * seconds / bytes - share) < 1e-9)
      }
      #expect(outcome.errors.contains("2 ranks: "))
    }

    @Test func `one rank says that nothing travels`() throws {
      let outcome = try Command.catlm(Self.arguments).run().succeeded()
      #expect(try outcome.objects.map { $0["bus_bytes_per_second"] } == [.null, .null, .null])
      #expect(outcome.errors.contains("nothing travels"))
    }

    @Test func `a process bound to one core counts one`() throws {
      let bound = ["taskset", "-c", "0", try #require(Program.path)] + Self.arguments
      let command = Command(executable: "/usr/bin/env", arguments: bound, directory: Program.root)
      let outcome = try command.run().succeeded()
      #expect(outcome.errors.contains("on each: 1 core\n"), "\(outcome.errors)")
    }

    @Test func `a table has a line a size`() throws {
      let outcome = try Command.catlm(["benchmark", "allreduce", "--sizes", "4KiB,16KiB"]).run().succeeded()
      #expect(outcome.outputLines.count == 4)
      #expect(outcome.outputLines[0].hasPrefix("copying memory: "))
      #expect(outcome.outputLines[2].contains("4.0 KiB"))
    }

    @Test func `what memory does not hold is left out and said`() throws {
      let outcome = try Command.catlm(["benchmark", "allreduce", "--sizes", "4KiB,1024GiB", "--json"]).run().succeeded()
      #expect(try outcome.objects.count == 1)
      #expect(outcome.errors.contains("left out: 1.0 TiB"), "\(outcome.errors)")
    }

    @Test(arguments: [["--sizes", "4KB"], ["--sizes", "0"], ["--sizes", "6"], ["--sizes", ""], ["--wire", "fp8"]])
    func `a size or a wire that is none is refused`(_ options: [String]) throws {
      let outcome = try Command.catlm(["benchmark", "allreduce"] + options).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.count == 1)
      #expect(outcome.errors.contains(options[0]), "\(outcome.errors)")
    }
  }
}

import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct ParityTests {
    private static let reference = Program.root + "/Tests/Fixtures/golden/tiny"

    @Test func `parity holds on the reference tensors`() throws {
      let outcome = try Command.catlm(["parity", Self.reference, "--json"]).run().succeeded()
      #expect(try outcome.objects.map { $0["holds"] } == [.flag(true)])
    }

    @Test(arguments: ["fx_c2", "grad_c2.lm_head.weight"])
    func `parity notices one number that is off`(_ tensor: String) throws {
      let workspace = try Workspace()
      let copy = workspace.file("tampered")
      try FileManager.default.copyItem(atPath: Self.reference, toPath: copy)
      try tamper(with: tensor, in: copy + "/golden.safetensors")
      let outcome = try Command.catlm(["parity", copy, "--json"]).run()
      #expect(outcome.code == 1)
      #expect(try outcome.objects.map { $0["holds"] } == [.flag(false)])
    }

    /// Puts another first number into a tensor of 32-bit floats.
    private func tamper(with tensor: String, in path: String) throws {
      var data = try Data(contentsOf: URL(filePath: path))
      let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      let header = try JSONValue(json: String(decoding: data[8..<8 + length], as: UTF8.self))
      let offset = try #require(header[tensor]?["data_offsets"]?.listValue?[0].integerValue)
      let wrong = withUnsafeBytes(of: Float(12345).bitPattern.littleEndian) { Data($0) }
      data.replaceSubrange(8 + length + offset..<8 + length + offset + 4, with: wrong)
      try data.write(to: URL(filePath: path))
    }
  }
}

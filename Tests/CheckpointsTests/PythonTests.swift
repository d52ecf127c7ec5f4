import Checkpoints
import FaultSupport
import Foundation
import Testing

struct PythonTests {
  private static let script = """
    import json, sys, hashlib, os
    from safetensors import safe_open
    result = {}
    for name in sys.argv[1:]:
        with safe_open(name, framework="np") as f:
            assert f.metadata() == {"format": "pt"}
            for key in f.keys():
                t = f.get_tensor(key)
                result[key] = [str(t.dtype), list(t.shape), t.tobytes().hex()]
    print(json.dumps(result))
    """

  @Test(.enabled(if: pythonReadsSafetensors, "python3 has no safetensors package"))
  func `the safetensors package reads what is written`() throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    var random = TestRandom(state: 5)
    let types: [ElementType: String] = [
      .float64: "float64", .float32: "float32", .float16: "float16", .int64: "int64", .int32: "int32",
      .int16: "int16", .int8: "int8", .uint8: "uint8", .bool: "bool",
    ]
    let tensors = types.keys.flatMap { type in
      SafetensorsRoundTripTests.shapes.map { memory.random("\(type.rawValue) é\"\($0)", type, $0, using: &random) }
    }
    let path = scratch.path + "/a.safetensors"
    _ = try SafetensorsWriter().write(tensors, to: path)
    let text = try output(of: "/usr/bin/env", ["python3", "-c", Self.script, path])
    let value = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [Any]])
    #expect(value.count == tensors.count)
    for tensor in tensors {
      let found = try #require(value[tensor.name])
      #expect(found[0] as? String == types[tensor.type])
      #expect(found[1] as? [Int] == tensor.shape)
      let hexadecimal = [UInt8](tensor.bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      #expect(found[2] as? String == hexadecimal)
    }
  }

  @Test(.enabled(if: pythonReadsSafetensors, "python3 has no safetensors package"))
  func `what the safetensors package writes is read`() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a.safetensors"
    let script = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      save_file({"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(-5), "e": np.zeros((0, 4), np.float16),
        "h": np.array([1.5, -2], np.float16)}, sys.argv[1], metadata={"by": "package"})
      """
    _ = try output(of: "/usr/bin/env", ["python3", "-c", script, path])
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["by": "package"])
    #expect(try file.floats("w") == [0, 1, 2, 3, 4, 5])
    #expect(file.info("w")?.shape == [2, 3])
    #expect(try file.integers("n") == [-5])
    #expect(file.info("n")?.shape == [])
    #expect(try file.floats("e") == [])
    #expect(try file.floats("h") == [1.5, -2])
  }

  @Test(.enabled(if: pythonReadsSafetensors, "python3 has no safetensors package"))
  func `the safetensors package reads every shard of a checkpoint`() throws {
    let scratch = try Scratch()
    let sample = SampleCheckpoint(step: 3)
    let written = try sample.write(to: scratch.path)
    let shards = try names(in: written.path).filter { $0.hasSuffix(".safetensors") }.map { written.path + "/" + $0 }
    let text = try output(of: "/usr/bin/env", ["python3", "-c", Self.script] + shards)
    let value = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [Any]])
    #expect(value.keys.sorted() == (sample.contents.weights + sample.contents.optimizer).map(\.name).sorted())
  }
}

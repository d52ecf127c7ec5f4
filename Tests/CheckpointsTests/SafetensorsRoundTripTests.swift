import Checkpoints
import FaultSupport
import Testing

struct SafetensorsRoundTripTests {
  static let shapes: [[Int]] = [[], [0], [1], [7], [2, 3], [0, 5], [3, 1, 2]]

  @Test(arguments: ElementType.allCases)
  func `every shape comes back bit for bit`(of type: ElementType) throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    var random = TestRandom(state: 1)
    let tensors = Self.shapes.map { memory.random("t\($0)", type, $0, using: &random) }
    let record = try SafetensorsWriter().write(tensors, to: scratch.path + "/a.safetensors")
    let file = try SafetensorsFile(path: scratch.path + "/a.safetensors")
    #expect(file.tensors.count == tensors.count)
    #expect(file.metadata == ["format": "pt"])
    #expect(record.byteCount == (try bytes(of: file.path)).count)
    for tensor in tensors {
      let info = try #require(file.info(tensor.name))
      #expect(info.type == type && info.shape == tensor.shape)
      var copy = [UInt8](repeating: 0, count: tensor.bytes.count)
      try copy.withUnsafeMutableBytes { try file.copyBytes(of: tensor.name, to: $0) }
      #expect(copy == [UInt8](tensor.bytes))
    }
  }

  @Test func `tensors lie by alignment and then name, data at a multiple of eight`() throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    let tensors = [
      memory.tensor("z", .int8, [1], bytes: [1]), memory.floats("b", [1], [1]),
      memory.tensor("y", .int64, [1], bytes: [UInt8](repeating: 3, count: 8)), memory.floats("a", [1], [2]),
    ]
    _ = try SafetensorsWriter().write(tensors, to: scratch.path + "/a.safetensors")
    let file = try SafetensorsFile(path: scratch.path + "/a.safetensors")
    #expect(file.tensors.map(\.name) == ["y", "a", "b", "z"])
    #expect(file.tensors[0].byteRange.lowerBound % 8 == 0)
  }

  @Test func `a tensor larger than a write part comes back, and its digest is the file's`() throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    let values = (0..<700_001).map { Float($0) }
    let path = scratch.path + "/a.safetensors"
    let tensors = [memory.floats("small", [1], [5]), memory.floats("large", [values.count], values)]
    let record = try SafetensorsWriter().write(tensors, to: path)
    #expect(try SafetensorsFile(path: path).floats("large") == values)
    #expect(record.byteCount == (try bytes(of: path)).count)
    let sum = try output(of: "/usr/bin/env", ["sha256sum", path])
    #expect(sum.hasPrefix(record.sha256 + " "))
  }

  @Test func `wider and narrower floating-point types become floats`() throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    let doubles: [Double] = [1.5, -0.1, .infinity, 1e-300]
    let halves: [Float16] = [1.5, -0.1, .infinity, 6e-8]
    let brains: [UInt16] = [0x3FC0, 0xBDCD, 0x7F80, 0x0001]
    let tensors = [
      memory.tensor("double", .float64, [4], bytes: doubles.withUnsafeBytes { [UInt8]($0) }),
      memory.tensor("half", .float16, [4], bytes: halves.withUnsafeBytes { [UInt8]($0) }),
      memory.tensor("brain", .bfloat16, [4], bytes: brains.withUnsafeBytes { [UInt8]($0) }),
    ]
    _ = try SafetensorsWriter().write(tensors, to: scratch.path + "/a.safetensors")
    let file = try SafetensorsFile(path: scratch.path + "/a.safetensors")
    #expect(try file.floats("double") == doubles.map { Float($0) })
    #expect(try file.floats("half") == halves.map { Float($0) })
    #expect(try file.floats("brain") == brains.map { Float(bitPattern: UInt32($0) << 16) })
  }

  @Test func `floats are stored in half types rounded to nearest even`() throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    // Halfway between two bfloat16 values, both ways; above halfway; extremes.
    let patterns: [UInt32] = [
      0x3F80_8000, 0x3F81_8000, 0x3F80_8001, 0x7F80_0000, 0xFF7F_FFFF, 0x7FC0_0001, 0x7F80_0001,
    ]
    let values = patterns.map { Float(bitPattern: $0) }
    let tensors = [
      memory.floats("brain", [7], values, storedAs: .bfloat16), memory.floats("half", [7], values, storedAs: .float16),
    ]
    _ = try SafetensorsWriter().write(tensors, to: scratch.path + "/a.safetensors")
    let file = try SafetensorsFile(path: scratch.path + "/a.safetensors")
    let brains = try file.floats("brain").map { $0.bitPattern >> 16 }
    #expect(brains[..<5] == [0x3F80, 0x3F82, 0x3F81, 0x7F80, 0xFF80])
    #expect(try file.floats("brain")[5...].allSatisfy(\.isNaN))
    #expect(try file.floats("half")[..<5] == values[..<5].map { Float(Float16($0)) }[...])
  }

  @Test func `integers of every width keep their sign`() throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    func tensor<T: FixedWidthInteger>(_ name: String, _ type: ElementType, _ values: [T]) -> NamedTensor {
      memory.tensor(name, type, [values.count], bytes: values.withUnsafeBytes { [UInt8]($0) })
    }
    let tensors = [
      tensor("i64", .int64, [Int64.min, 5]), tensor("i32", .int32, [Int32.min, 5]),
      tensor("i16", .int16, [Int16.min, 5]), tensor("i8", .int8, [Int8.min, 5]),
      tensor("u8", .uint8, [UInt8.max, 5]), tensor("bool", .bool, [UInt8(1), 0]),
    ]
    _ = try SafetensorsWriter().write(tensors, to: scratch.path + "/a.safetensors")
    let file = try SafetensorsFile(path: scratch.path + "/a.safetensors")
    #expect(try file.integers("i64") == [.min, 5])
    #expect(try file.integers("i32") == [Int64(Int32.min), 5])
    #expect(try file.integers("i16") == [-32768, 5])
    #expect(try file.integers("i8") == [-128, 5])
    #expect(try file.integers("u8") == [255, 5])
    #expect(try file.integers("bool") == [1, 0])
  }

  @Test func `asking for what a file has not says what it has`() throws {
    let scratch = try Scratch()
    let memory = TensorMemory()
    let path = scratch.path + "/a.safetensors"
    let ids = memory.tensor("ids", .int32, [1], bytes: [1, 0, 0, 0])
    _ = try SafetensorsWriter().write([ids, memory.floats("w", [2], [1, 2])], to: path)
    let file = try SafetensorsFile(path: path)
    #expect(try message { _ = try file.floats("v") } == "\(path): tensor v is missing")
    #expect(
      try message { _ = try file.floats("ids") }
        == "\(path): type of tensor ids: found I32, allowed: F32, F64, F16, BF16")
    #expect(try message { _ = try file.integers("w") }.contains("found F32, allowed: I64, I32"))
    var three: [Float] = [0, 0, 0]
    let text = try message { try three.withUnsafeMutableBufferPointer { try file.copyFloats(of: "w", to: $0) } }
    #expect(text == "\(path): tensor w: found 2 elements of shape [2], allowed: 3 elements")
  }

  @Test func `a file that is there is not written over`() throws {
    let scratch = try Scratch()
    let path = try scratch.file("a.safetensors", [1, 2, 3])
    let text = try message { _ = try SafetensorsWriter().write([], to: path) }
    #expect(text == "\(path): open failed: File exists (errno 17)")
    #expect(try bytes(of: path) == [1, 2, 3])
  }
}

import Checkpoints
import FaultSupport
import Testing

/// A header with its data, and a part of the message that refuses it.
struct MalformedCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let header: String
  let dataCount: Int
  let says: String

  init(_ name: String, _ header: String, data: Int, says: String) {
    testDescription = name
    self.header = header
    dataCount = data
    self.says = says
  }
}

struct SafetensorsHeaderTests {
  static func file(_ header: String, data: Int) -> [UInt8] {
    let json = Array(header.utf8)
    let length = UInt64(json.count)
    let head = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return head + json + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
  }

  static func entry(_ name: String, _ type: String, _ shape: String, _ offsets: String) -> String {
    #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  static let malformed: [MalformedCase] = [
    .init("no header", "", data: 0, says: "start of the header: found no byte, allowed: '{'"),
    .init("a list", "[]", data: 0, says: "start of the header: found byte 91, allowed: '{'"),
    .init("a space first", " {}", data: 0, says: "start of the header: found byte 32"),
    .init("no JSON", "{]", data: 0, says: "header, line 1: found broken JSON: a key was expected, allowed: JSON"),
    .init("two values", "{}{}", data: 0, says: "more after the value"),
    .init("a NUL behind", "{}\0", data: 0, says: "more after the value"),
    .init(
      "a name twice", "{\(entry("a", "U8", "[1]", "[0,1]")),\(entry("a", "U8", "[1]", "[1,2]"))}", data: 2,
      says: #"key "a" occurs twice"#),
    .init(
      "a name twice, once escaped",
      #"{\#(entry("a", "U8", "[1]", "[0,1]")),\#(entry(#"\u0061"#, "U8", "[1]", "[1,2]"))}"#,
      data: 2, says: #"key "a" occurs twice"#),
    .init(
      "a key of a tensor twice", #"{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#, data: 0,
      says: #"key "dtype" occurs twice"#),
    .init("metadata twice", #"{"__metadata__":{},"__metadata__":{}}"#, data: 0, says: "occurs twice"),
    .init(
      "metadata with a number", #"{"__metadata__":{"a":1}}"#, data: 0, says: "__metadata__.a: found 1, allowed: text"),
    .init(
      "metadata as a list", #"{"__metadata__":[]}"#, data: 0,
      says: "key __metadata__: found a list of 0, allowed: a mapping"),
    .init(
      "an unknown type", "{\(entry("a", "F31", "[1]", "[0,1]"))}", data: 1,
      says: #"key a.dtype: found text "F31", allowed: one of F64"#
    ),
    .init("no type", #"{"a":{"shape":[0],"data_offsets":[0,0]}}"#, data: 0, says: "key a.dtype is missing"),
    .init("no shape", #"{"a":{"dtype":"U8","data_offsets":[0,0]}}"#, data: 0, says: "key a.shape is missing"),
    .init("no offsets", #"{"a":{"dtype":"U8","shape":[0]}}"#, data: 0, says: "key a.data_offsets is missing"),
    .init(
      "a key too many", #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"b":1}}"#, data: 0,
      says: "key: found a.b"),
    .init("a tensor that is a number", #"{"a":1}"#, data: 0, says: "key a: found 1, allowed: a mapping"),
    .init("a negative dimension", "{\(entry("a", "U8", "[-1]", "[0,1]"))}", data: 1, says: "key a.shape: found [-1]"),
    .init(
      "a dimension with a point", "{\(entry("a", "U8", "[1.0]", "[0,1]"))}", data: 1, says: "key a.shape: found [1.0]"),
    .init(
      "a shape that overflows", "{\(entry("a", "U8", "[4294967296,4294967296]", "[0,1]"))}", data: 1,
      says: "key a.shape: found [4294967296, 4294967296], allowed: fewer bytes"),
    .init(
      "a byte count that overflows", "{\(entry("a", "F64", "[2305843009213693952]", "[0,1]"))}", data: 1,
      says: "allowed: fewer bytes"),
    .init(
      "a dimension beyond integers", "{\(entry("a", "U8", "[18446744073709551616]", "[0,1]"))}", data: 1,
      says: "allowed: integers from 0"),
    .init(
      "too few bytes", "{\(entry("a", "F32", "[2]", "[0,4]"))}", data: 4,
      says: "found 4 bytes, allowed: 8 bytes for F32 [2]"),
    .init(
      "too many bytes", "{\(entry("a", "F32", "[]", "[0,8]"))}", data: 8,
      says: "found 8 bytes, allowed: 4 bytes for F32 []"),
    .init(
      "offsets backwards", "{\(entry("a", "U8", "[1]", "[1,0]"))}", data: 1,
      says: "found [1, 0], allowed: a begin and an end"),
    .init("one offset", "{\(entry("a", "U8", "[0]", "[0]"))}", data: 0, says: "found [0], allowed: a begin and an end"),
    .init(
      "offsets that overflow", "{\(entry("a", "U8", "[1]", "[9223372036854775806,9223372036854775807]"))}", data: 1,
      says: "allowed: a begin and an end"),
    .init(
      "an overlap", "{\(entry("a", "U8", "[2]", "[0,2]")),\(entry("b", "U8", "[2]", "[1,3]"))}", data: 3,
      says: "key b.data_offsets: found begin 1, an overlap, allowed: begin 2"),
    .init(
      "a hole", "{\(entry("a", "U8", "[1]", "[0,1]")),\(entry("b", "U8", "[1]", "[2,3]"))}", data: 3,
      says: "key b.data_offsets: found begin 2, a hole, allowed: begin 1"),
    .init("a hole in front", "{\(entry("a", "U8", "[1]", "[1,2]"))}", data: 2, says: "a hole, allowed: begin 0"),
    .init("bytes behind", "{\(entry("a", "U8", "[1]", "[0,1]"))}", data: 2, says: "file size: found"),
    .init("bytes missing", "{\(entry("a", "U8", "[2]", "[0,2]"))}", data: 1, says: "where the last tensor ends"),
    .init("data without a tensor", "{}", data: 1, says: "file size: found 11, allowed: 10"),
  ]

  @Test(arguments: malformed)
  func `a malformed header is refused with its reason`(_ malformed: MalformedCase) throws {
    let scratch = try Scratch()
    let path = try scratch.file("a.safetensors", Self.file(malformed.header, data: malformed.dataCount))
    let text = try message { _ = try SafetensorsFile(path: path) }
    #expect(text.hasPrefix(path + ": "))
    #expect(text.contains(malformed.says), "\(text)")
  }

  @Test(arguments: [0, 1, 7])
  func `a file without a length is refused`(byteCount: Int) throws {
    let scratch = try Scratch()
    let path = try scratch.file("a.safetensors", [UInt8](repeating: 0, count: byteCount))
    let text = try message { _ = try SafetensorsFile(path: path) }
    #expect(text == "\(path): file size: found \(byteCount), allowed: 8 bytes or more")
  }

  @Test func `a header longer than the file is refused`() throws {
    let scratch = try Scratch()
    let path = try scratch.file("a.safetensors", [3, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))
    let text = try message { _ = try SafetensorsFile(path: path) }
    #expect(text == "\(path): header length: found 3, allowed: at most 2, the rest of the file")
  }

  @Test(arguments: [UInt64(100_000_001), .max])
  func `a header longer than the format allows is refused`(length: UInt64) throws {
    let scratch = try Scratch()
    let head = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    let path = try scratch.file("a.safetensors", head + Array("{}".utf8))
    let text = try message { _ = try SafetensorsFile(path: path) }
    #expect(text == "\(path): header length: found \(length), allowed: at most 100000000")
  }

  @Test func `bytes that are not UTF-8 are refused`() throws {
    let scratch = try Scratch()
    let path = try scratch.file("a.safetensors", [4, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF, 0x22])
    #expect(try message { _ = try SafetensorsFile(path: path) }.contains("bytes that are not UTF-8"))
  }

  @Test func `a file that is not there, and a directory, are refused`() throws {
    let scratch = try Scratch()
    #expect(
      try message { _ = try SafetensorsFile(path: scratch.path + "/none") }
        == "\(scratch.path)/none: the file is missing")
    #expect(try message { _ = try SafetensorsFile(path: scratch.path) }.contains("allowed: a regular file"))
  }

  @Test func `an unsorted and unpadded header is read`() throws {
    let scratch = try Scratch()
    let header =
      "{\(Self.entry("b", "U8", "[2]", "[1,3]")), \(Self.entry("e", "F32", "[3,0]", "[1,1]")),"
      + "\(Self.entry("a", "U8", "[]", "[0,1]"))}\n"
    let path = try scratch.file("a.safetensors", Self.file(header, data: 3))
    let file = try SafetensorsFile(path: path)
    #expect(file.tensors.map(\.name) == ["a", "e", "b"])
    #expect(try file.integers("a") == [0])
    #expect(try file.integers("b") == [1, 2])
    #expect(try file.floats("e") == [])
    #expect(file.info("e")?.shape == [3, 0])
  }

  @Test func `floats at odd addresses are read`() throws {
    let scratch = try Scratch()
    let header =
      "{\(Self.entry("a", "U8", "[1]", "[0,1]")),\(Self.entry("b", "F32", "[1]", "[1,5]")),"
      + "\(Self.entry("c", "F64", "[1]", "[5,13]"))}"
    let path = try scratch.file("a.safetensors", Self.file(header, data: 13))
    let file = try SafetensorsFile(path: path)
    #expect(try file.floats("b") == [Float(bitPattern: 0x0403_0201)])
    #expect(try file.floats("c") == [Float(Double(bitPattern: 0x0C0B_0A09_0807_0605))])
  }

  @Test func `no mutation of a file crashes the reader or reads beyond the file`() throws {
    let scratch = try Scratch()
    var random = TestRandom(state: 12)
    let header =
      #"{"__metadata__":{"format":"pt"},\#(Self.entry("a", "F32", "[2,3]", "[0,24]")),"#
      + "\(Self.entry("b", "I64", "[]", "[24,32]")),\(Self.entry("c", "BF16", "[0]", "[32,32]"))}  "
    let whole = Self.file(header, data: 32)
    var opened = 0
    for _ in 0..<5_000 {
      var mutated = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<mutated.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: mutated[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: mutated[place] = UInt8(ascii: "0123456789{}[]\",:-e.".unicodeScalars.randomElement(using: &random)!)
        case 2: mutated.remove(at: place)
        default: mutated.insert(UInt8.random(in: 0...255, using: &random), at: place)
        }
      }
      let path = try scratch.file("a.safetensors", mutated)
      guard let file = try? SafetensorsFile(path: path) else { continue }
      opened += 1
      #expect(file.tensors.allSatisfy { $0.byteRange.upperBound <= mutated.count })
      for tensor in file.tensors {
        _ = try? file.floats(tensor.name)
        _ = try? file.integers(tensor.name)
      }
    }
    // Flips within the data and within names leave a legal file.
    #expect(opened > 100 && opened < 4_000)
  }
}

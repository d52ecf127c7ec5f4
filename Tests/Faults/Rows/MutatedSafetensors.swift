import FaultSupport
import ParserOracles

/// Row 12, safetensors: whatever is in the file, it is read as what it says or refused.
enum MutatedSafetensors {
  static let checks = [
    FaultCheck(12, "safetensors", "mutated safetensors files", fullCount: 1_000_000) { bench in
      let originals = originals()
      let words = [
        "{}", "[]", "[0,0]", "[0,4]", "\"", ":", ",", "{", "[", "]", "}", "1e9", "-1", "F64", "\"dtype\":", "\\u0000",
        "9223372036854775807", "18446744073709551616", "0.0", "\"__metadata__\":", "null",
      ].map { Array($0.utf8) }
      let path = bench.file("mutated.safetensors")
      return Attempts { index, random in
        let original = originals[index % originals.count]
        let bytes = Mutation.apply(to: original, words: words, focus: 12, using: &random)
        try overwrite(path, index % 2 == 0 ? bytes : mendingLength(bytes, was: original.count))
        try SafetensorsOracle.check(path)
      }
    }
  ]

  /// Files that are whole.
  private static func originals() -> [[UInt8]] {
    func entry(_ name: String, _ type: String, _ shape: String, _ offsets: String) -> String {
      #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
    }
    let headers = [
      "{}", #"{"__metadata__":{"format":"pt"}}"#,
      #"{"__metadata__":{"format":"pt"},\#(entry("a", "F32", "[2,3]", "[0,24]")),"#
        + "\(entry("b", "I64", "[]", "[24,32]")),\(entry("c", "BF16", "[0]", "[32,32]"))}  ",
      "{\(entry("x", "U8", "[3]", "[0,3]")),\(entry("é\\n", "BOOL", "[1,1]", "[3,4]")),\(entry("y", "F16", "[14]", "[4,32]"))}",
    ]
    let dataCounts = [0, 0, 32, 32]
    return zip(headers, dataCounts).map { header, count in
      let json = Array(header.utf8)
      let length = (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) }
      return length + json + (0..<count).map { UInt8($0) }
    }
  }

  /// The length of the header adapted to what was put in or taken out, so that the JSON behind it is looked at.
  private static func mendingLength(_ bytes: [UInt8], was count: Int) -> [UInt8] {
    guard bytes.count >= 8 else { return bytes }
    var result = bytes
    let length = Int(bytes[0]) + (bytes.count - count)
    if (0...255).contains(length) { result[0] = UInt8(length) }
    return result
  }
}

internal import MappedFiles

/// The header of `.npy` files, as far as a list of integers needs it.
///
/// - Source: NumPy enhancement proposal 1; versions 1, 2 and 3 differ in the width of one length and in encoding.
enum NumpyHeader {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Whether a file begins like one with this header.
  static func begins(_ file: MappedFile) -> Bool { file.copy(0..<magic.count) == magic }

  /// - Parameter allowed: what the array may hold.
  static func layout(
    of file: MappedFile, allowed: [IDType] = [.uint16, .int32, .uint32, .int64]
  ) throws(TokenError) -> ShardLayout {
    let (start, length) = try extent(of: file)
    let bytes = file.copy(start..<start + length)
    guard bytes.count == length, let text = String(validating: bytes, as: UTF8.self) else {
      throw TokenError(
        file: file.path, found: "a header of \(bytes.count) bytes", allowed: "\(length) bytes of text")
    }
    guard let fields = PythonDictionary.parse(text) else {
      throw TokenError(file: file.path, found: "header \(text.prefix(100))", allowed: "a Python dictionary")
    }
    let types = allowed.map { (name: "'<\($0.letter)\($0.byteCount)'", type: $0) }
    guard let type = types.first(where: { $0.name == fields["descr"] })?.type else {
      throw TokenError(
        file: file.path, found: "descr \(fields["descr"] ?? "missing")",
        allowed: types.map(\.name).joined(separator: ", "))
    }
    guard fields["fortran_order"] == "False" else {
      throw TokenError(
        file: file.path, found: "fortran_order \(fields["fortran_order"] ?? "missing")", allowed: "False")
    }
    guard fields.count == 3, let shape = fields["shape"], let count = lengthOfList(shape) else {
      throw TokenError(
        file: file.path, found: "shape \(fields["shape"] ?? "missing") among \(fields.count) fields",
        allowed: "one dimension, such as (1000,), and two other fields")
    }
    return ShardLayout(.numpy, type, headerByteCount: start + length, count: count)
  }

  /// Where the dictionary begins, and its length in bytes.
  private static func extent(of file: MappedFile) throws(TokenError) -> (start: Int, length: Int) {
    let version = file.integer(UInt8.self, at: 6) ?? 0
    let length: Int? =
      switch version {
      case 1: file.integer(UInt16.self, at: 8).map(Int.init)
      case 2, 3: file.integer(UInt32.self, at: 8).map(Int.init)
      default: throw TokenError(file: file.path, found: ".npy version \(version)", allowed: "version 1, 2 or 3")
      }
    guard let length else {
      throw TokenError(file: file.path, found: "\(file.byteCount) bytes", allowed: "a whole .npy header")
    }
    guard length <= 65536 else {
      throw TokenError(file: file.path, found: "a header of \(length) bytes", allowed: "at most 65536")
    }
    return (version == 1 ? 10 : 12, length)
  }

  /// The n of `(n,)`, small enough that the bytes of so many ids can be counted.
  private static func lengthOfList(_ shape: String) -> Int? {
    guard shape.hasPrefix("("), shape.hasSuffix(")") else { return nil }
    let list = String(shape.dropFirst().dropLast()).trimmingSpace()
    guard list.hasSuffix(",") else { return nil }
    let digits = String(list.dropLast()).trimmingSpace()
    // Python has no numbers with a zero before them.
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(digits), "\(count)" == digits else {
      return nil
    }
    return count < Int.max / 16 ? count : nil
  }
}

extension IDType {
  /// How NumPy calls integers of this kind.
  fileprivate var letter: String {
    switch self {
    case .int32, .int64: "i"
    case .uint8, .uint16, .uint32: "u"
    }
  }
}

/// A dictionary in Python's notation whose values are kept as written: `{'a': '<u2', 'b': (3,)}`.
enum PythonDictionary {
  /// The values by key, without spaces around them; nil if the text is anything else.
  static func parse(_ text: String) -> [String: String]? {
    var rest = text.trimmingSpace()[...]
    guard rest.popFirst() == "{", rest.popLast() == "}" else { return nil }
    var fields: [String: String] = [:]
    for field in split(rest) {
      guard let colon = field.firstIndex(of: ":") else { return nil }
      let key = String(field[..<colon]).trimmingSpace()
      guard key.count > 2, let quote = key.first, quote == "'" || quote == "\"", key.last == quote else { return nil }
      let value = String(field[field.index(after: colon)...]).trimmingSpace()
      guard fields.updateValue(value, forKey: String(key.dropFirst().dropLast())) == nil else { return nil }
    }
    return fields
  }

  /// The parts between commas that stand outside parentheses; a last empty one does not count.
  private static func split(_ text: Substring) -> [String] {
    var parts = [""]
    var depth = 0
    for character in text {
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      if character == ",", depth == 0 {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    if parts.last?.trimmingSpace().isEmpty == true { parts.removeLast() }
    return parts
  }
}

extension String {
  /// Without the space at both ends that Python skips, which is less than Unicode has.
  fileprivate func trimmingSpace() -> String {
    let spaces: Set<Character> = [" ", "\t", "\n", "\r", "\r\n", "\u{C}"]
    var rest = drop { spaces.contains($0) }
    while let last = rest.last, spaces.contains(last) { rest.removeLast() }
    return String(rest)
  }
}

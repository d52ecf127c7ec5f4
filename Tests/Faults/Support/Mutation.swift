import FaultSupport

/// Changes to the bytes of a file, as damage or malice makes them.
enum Mutation {
  /// One to four changes of `bytes`.
  ///
  /// - Parameters:
  ///   - words: texts that mean something to the format, put in here and there.
  ///   - focus: bytes at the start that every second change falls into.
  static func apply(
    to bytes: [UInt8], words: [[UInt8]], focus: Int, using random: inout TestRandom
  ) -> [UInt8] {
    var result = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) { change(&result, words, focus, &random) }
    return result
  }

  private static func change(_ bytes: inout [UInt8], _ words: [[UInt8]], _ focus: Int, _ random: inout TestRandom) {
    guard !bytes.isEmpty else { return bytes.append(UInt8.random(in: 0...255, using: &random)) }
    let reach = Bool.random(using: &random) ? min(focus, bytes.count) : bytes.count
    let place = Int.random(in: 0..<max(1, reach), using: &random)
    switch Int.random(in: 0..<9, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes.remove(at: place)
    case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
    case 4: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random) / 4)
    case 5: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + length(&random))], at: place)
    case 6: bytes.removeSubrange(place..<min(bytes.count, place + length(&random)))
    case 7: bytes.replaceSubrange(place..<min(bytes.count, place + 1), with: words.randomElement(using: &random) ?? [])
    default:
      bytes.insert(contentsOf: (words.randomElement(using: &random) ?? []).repeated(length(&random) / 8 + 1), at: place)
    }
  }

  /// Mostly short, sometimes long.
  private static func length(_ random: inout TestRandom) -> Int {
    1 << Int.random(in: 0...Int.random(in: 0...6, using: &random), using: &random)
  }
}

extension [UInt8] {
  fileprivate func repeated(_ count: Int) -> [UInt8] { Array((0..<count).map { _ in self }.joined()) }
}

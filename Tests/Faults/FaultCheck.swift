import FaultSupport

/// One fault that is made many times, and what must hold each time.
struct FaultCheck: Sendable {
  /// Row of the table in docs/reliability.md.
  let row: Int
  /// Tells apart the checks of a row.
  let name: String
  /// What is done, in a line.
  let fault: String
  /// How often a full run does it; nil: once for each case that `prepare` finds.
  let fullCount: Int?
  /// Sets up what all attempts share.
  let prepare: @Sendable (Bench) throws -> Attempts

  init(
    _ row: Int, _ name: String, _ fault: String, fullCount: Int? = nil,
    prepare: @escaping @Sendable (Bench) throws -> Attempts
  ) {
    self.row = row
    self.name = name
    self.fault = fault
    self.fullCount = fullCount
    self.prepare = prepare
  }

  /// Such as `5.bits`.
  var identifier: String { "\(row).\(name)" }

  /// The draws of one attempt: they depend on nothing but seed, check and index, so that an attempt can be repeated.
  func random(seed: UInt64, index: Int) -> TestRandom {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in "\(identifier) \(seed) \(index)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return TestRandom(state: hash)
  }
}

/// What a check does over and over.
struct Attempts {
  /// Number of different cases, where they can be listed; nil where each index draws its own.
  let caseCount: Int?
  /// Makes the fault once; throws ``Unexpected`` if what must hold does not.
  let perform: (_ index: Int, _ random: inout TestRandom) throws -> Void

  init(caseCount: Int? = nil, perform: @escaping (_ index: Int, _ random: inout TestRandom) throws -> Void) {
    self.caseCount = caseCount
    self.perform = perform
  }
}

/// A check cannot be made on this machine.
struct NotPossible: Error, CustomStringConvertible {
  let description: String

  init(_ reason: String) {
    description = reason
  }
}

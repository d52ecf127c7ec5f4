import CPUBackend
import TensorCore
import Testing

/// Which instructions may be used here, and who says so.
struct InstructionLevelTests {
  @Test func `levels that the machine has include the baseline, lowest first`() {
    for precision in ProductPrecision.allCases {
      let levels = InstructionLevel.available(for: precision)
      #expect(levels.first == .baseline)
      #expect(levels == levels.sorted() && levels.last == .highest(for: precision))
    }
    #expect(InstructionLevel.available == InstructionLevel.available(for: .bfloat16).filter { $0 <= .avx512 })
  }

  @Test(arguments: InstructionLevel.available(for: .bfloat16))
  func `a level that the machine has may be named as the limit`(_ level: InstructionLevel) throws {
    #expect(try InstructionLevel.limit(named: level.rawValue) == level)
    #expect(try InstructionLevel.limit(named: nil) == nil)
    #expect(try InstructionLevel.limit(named: "") == nil)
  }

  @Test(arguments: ["avx", "AVX2", "avx512 ", "sse2", "baselines"])
  func `a level that is unknown is refused with those that may be named`(name: String) throws {
    let error = try #require(throws: InstructionError.self) { try InstructionLevel.limit(named: name) }
    #expect(error.description.hasPrefix("CATLM_INSTRUCTIONS: found \(name), allowed on this machine: baseline"))
  }

  @Test(arguments: ProductPrecision.allCases)
  func `a backend takes the highest level unless asked`(precision: ProductPrecision) {
    let highest = InstructionLevel.highest(for: precision)
    #expect(CPUBackend(threadCount: 1, precision: precision).instructionLevel == highest)
    #expect(CPUBackend(threadCount: 1, level: .baseline, precision: precision).instructionLevel == .baseline)
  }
}

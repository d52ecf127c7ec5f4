import CPUBackend
import ReferenceBackend
import Testing

@testable import TensorCore

/// What a tape stores results and their gradients in.
struct TapeTypesTests {
  /// Values that bfloat16 holds as they are.
  private let values: [Float] = [1, -2.5, 0, 96]

  private func tape(_ types: TapeTypes? = nil) -> Tape {
    Tape(backend: CPUBackend(threadCount: 1, precision: .bfloat16), isRecording: true, types: types)
  }

  /// The bits of a tensor's elements, of two bytes each.
  private func halves(_ tensor: Tensor) -> [UInt16] {
    tensor.withReadView { Array($0.bindMemory(to: UInt16.self)) }
  }

  @Test func `a gradient that several results share is copied in its own type`() throws {
    let tape = tape()
    let (first, second) = (tape.output([4], of: .bfloat16), tape.output([4], of: .bfloat16))
    let gradient = tape.buffer([4], of: .bfloat16)
    gradient.withWriteView { bytes in
      let halves = bytes.bindMemory(to: UInt16.self)
      for (index, value) in values.enumerated() { halves[index] = UInt16(value.bitPattern >> 16) }
    }
    tape.contribute(gradient, to: first, second)
    let (own, accumulates) = try #require(tape.destination(for: first))
    #expect(accumulates && own.dtype == .bfloat16)
    #expect(halves(own) == halves(gradient))
    own.withWriteView { _ = $0.initializeMemory(as: UInt8.self, repeating: 0) }
    #expect(halves(try #require(tape.takeGradient(of: second.place))) == halves(gradient))
  }

  @Test func `a tape's types are its own, whatever the backend rounds products to`() throws {
    let rounded = tape()
    #expect(rounded.types == TapeTypes(.bfloat16) && rounded.types.activations == .bfloat16)
    let exact = tape(TapeTypes(.float32))
    let activation = exact.output([4], of: exact.types.activations)
    #expect(try #require(exact.destination(for: activation)).gradient.dtype == .float32)
    let mixed = tape(TapeTypes(residual: .float32, activations: .bfloat16, gradients: .float32))
    #expect(try #require(mixed.destination(for: mixed.output([4], of: .bfloat16))).gradient.dtype == .float32)
  }
}

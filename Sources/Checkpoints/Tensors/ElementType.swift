internal import HalfPrecision

/// Fills `target` with floating-point elements of `type`, rounded to single precision. `source` need not be aligned.
func convertFloats(_ source: UnsafeRawBufferPointer, _ type: ElementType, to target: UnsafeMutableBufferPointer<Float>)
{
  switch type {
  case .float32:
    unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
  case .float64:
    for i in target.indices { unsafe target[i] = Float(source.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)) }
  case .float16:
    for i in target.indices { unsafe target[i] = Float(source.loadUnaligned(fromByteOffset: 2 * i, as: Float16.self)) }
  case .bfloat16:
    for i in target.indices {
      unsafe target[i] = BFloat16.value(source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
    }
  case .int64, .int32, .int16, .int8, .uint8, .bool:
    preconditionFailure("floats of \(type.rawValue)")
  }
}

/// Integer elements of `type`, widened. `source` need not be aligned.
func convertedIntegers(_ source: UnsafeRawBufferPointer, _ type: ElementType) -> [Int64] {
  func widened<Integer: FixedWidthInteger & BitwiseCopyable>(_: Integer.Type) -> [Int64] {
    (0..<source.count / type.byteCount).map { i in
      unsafe Int64(source.loadUnaligned(fromByteOffset: type.byteCount * i, as: Integer.self))
    }
  }
  switch type {
  case .int64: return widened(Int64.self)
  case .int32: return widened(Int32.self)
  case .int16: return widened(Int16.self)
  case .int8: return widened(Int8.self)
  case .uint8, .bool: return widened(UInt8.self)
  case .float64, .float32, .float16, .bfloat16: preconditionFailure("integers of \(type.rawValue)")
  }
}

/// The bytes of single-precision elements in a half type, rounded to nearest even. `source` need not be aligned.
func halfBytes(of source: UnsafeRawBufferPointer, as type: ElementType) -> [UInt8] {
  precondition(type == .bfloat16 || type == .float16, "half bytes of \(type.rawValue)")
  let count = source.count / 4
  return unsafe [UInt8](unsafeUninitializedCapacity: 2 * count) { buffer, byteCount in
    let target = UnsafeMutableRawBufferPointer(buffer)
    for i in 0..<count {
      let value = unsafe source.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
      let bits = type == .bfloat16 ? BFloat16.bits(value) : Float16(value).bitPattern
      unsafe target.storeBytes(of: bits, toByteOffset: 2 * i, as: UInt16.self)
    }
    byteCount = 2 * count
  }
}

/// The element type of a stored tensor, named as safetensors names it.
package enum ElementType: String, CaseIterable, Hashable, Sendable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Bytes that one element takes.
  package var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .int8, .uint8, .bool: 1
    }
  }
}

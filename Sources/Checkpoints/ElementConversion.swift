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
      let bits = unsafe source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
      unsafe target[i] = Float(bitPattern: UInt32(bits) << 16)
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
      let bits = type == .bfloat16 ? bfloat16Bits(value) : Float16(value).bitPattern
      unsafe target.storeBytes(of: bits, toByteOffset: 2 * i, as: UInt16.self)
    }
    byteCount = 2 * count
  }
}

/// The upper half of `value`, rounded to nearest even; not-a-number stays so.
private func bfloat16Bits(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  if value.isNaN { return UInt16(bits >> 16) | 0x40 }
  return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}

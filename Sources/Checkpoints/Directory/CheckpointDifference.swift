internal import Glibc
package import JSON

/// How two checkpoints differ, in weights, moments, configuration and state.
package struct CheckpointDifference: Sendable {
  /// A tensor that is not the same in both.
  package struct Tensor: Hashable, Sendable {
    package let name: String
    package let kind: Kind
  }

  package enum Kind: Hashable, Sendable {
    case onlyInFirst
    case onlyInSecond
    /// Type or shape differ; both in words, such as `F32 [4, 2]`.
    case form(first: String, second: String)
    /// So many elements differ in value or in bits; the largest difference is not a number if an element of one is
    /// and that of the other is not.
    case values(count: Int, of: Int, largest: Double)
  }

  /// In the order of names.
  package let tensors: [Tensor]
  /// Tensors that both have.
  package let commonCount: Int
  /// Keys of `config.json`, `trainer_state.json` and of other files that both read as settings, each under its file's
  /// name.
  package let settings: [JSONDifference]

  package var isEmpty: Bool { tensors.isEmpty && settings.isEmpty }

  /// Compares two open checkpoints, a tensor at a time.
  ///
  /// - Parameter extra: further settings of both by name, such as the runs' configurations.
  package init(
    _ first: CheckpointDirectory, _ second: CheckpointDirectory, extra: [(name: String, JSONValue, JSONValue)] = []
  ) throws(CheckpointError) {
    var tensors: [Tensor] = []
    var commonCount = 0
    for (left, right) in [(first.weights, second.weights), (first.optimizer, second.optimizer)] {
      let (leftNames, rightNames) = (Set(left?.names ?? []), Set(right?.names ?? []))
      commonCount += leftNames.intersection(rightNames).count
      for name in leftNames.union(rightNames).sorted() {
        if let kind = CheckpointDifference.kind(name, left?.file(name), right?.file(name)) {
          tensors.append(Tensor(name: name, kind: kind))
        }
      }
    }
    self.tensors = tensors
    self.commonCount = commonCount
    var settings = first.config.differences(from: second.config, at: "config.json")
    settings += try CheckpointDifference.state(first).differences(
      from: CheckpointDifference.state(second), at: TrainerState.fileName)
    for (name, left, right) in extra { settings += left.differences(from: right, at: name) }
    self.settings = settings
  }

  private static func state(_ checkpoint: CheckpointDirectory) throws(CheckpointError) -> JSONValue {
    guard let state = checkpoint.state else { return .null }
    return try reading(checkpoint.path, "state") { () throws(JSONError) in try JSONValue(json: state.text) }
  }

  private static func kind(_ name: String, _ left: SafetensorsFile?, _ right: SafetensorsFile?) -> Kind? {
    guard let left, let leftInfo = left.info(name) else { return .onlyInSecond }
    guard let right, let rightInfo = right.info(name) else { return .onlyInFirst }
    guard leftInfo.type == rightInfo.type, leftInfo.shape == rightInfo.shape else {
      return .form(first: form(leftInfo), second: form(rightInfo))
    }
    return unsafe left.withBytes(of: leftInfo) { leftBytes in
      unsafe right.withBytes(of: rightInfo) { rightBytes in
        unsafe values(leftInfo.type, leftBytes, rightBytes)
      }
    }
  }

  private static func form(_ info: TensorInfo) -> String { "\(info.type.rawValue) \(info.shape)" }

  /// How the elements of two tensors of one type differ; nil if all bits are the same.
  private static func values(
    _ type: ElementType, _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
  ) -> Kind? {
    var (count, largest) = (0, 0.0)
    let elementBytes = type.byteCount
    for start in stride(from: 0, to: left.count, by: NamedTensor.pieceBytes) {
      let range = start..<min(start + NamedTensor.pieceBytes, left.count)
      let a = unsafe UnsafeRawBufferPointer(rebasing: left[range])
      let b = unsafe UnsafeRawBufferPointer(rebasing: right[range])
      guard let aStart = a.baseAddress, let bStart = b.baseAddress, unsafe memcmp(aStart, bStart, a.count) != 0 else {
        continue
      }
      let (aValues, bValues) = unsafe (doubles(a, type), doubles(b, type))
      for i in aValues.indices {
        let place = i * elementBytes
        if unsafe memcmp(aStart + place, bStart + place, elementBytes) == 0 { continue }
        count += 1
        largest = larger(largest, aValues[i], bValues[i])
      }
    }
    return count == 0 ? nil : .values(count: count, of: left.count / elementBytes, largest: largest)
  }

  /// The larger of a difference and that of `a` and `b`; not a number if it once was.
  private static func larger(_ largest: Double, _ a: Double, _ b: Double) -> Double {
    if largest.isNaN || a.isNaN && b.isNaN { return largest }
    let difference = abs(a - b)
    return difference.isNaN ? .nan : max(largest, difference)
  }

  private static func doubles(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> [Double] {
    switch type {
    case .float64:
      return (0..<bytes.count / 8).map { unsafe bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    case .float32, .float16, .bfloat16:
      let count = bytes.count / type.byteCount
      let floats = unsafe [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        unsafe convertFloats(bytes, type, to: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        filled = count
      }
      return floats.map(Double.init)
    case .int64, .int32, .int16, .int8, .uint8, .bool: return unsafe convertedIntegers(bytes, type).map(Double.init)
    }
  }
}

internal import CMPI
internal import HalfPrecision

// MPI has no sum of bfloat16 values. Each rank sends the others the values that they own, rounded; the owner adds them in
// single precision. Buffers are bounded: what is longer goes in rounds, with a slice of every rank's range in each.

extension MPIGroup {
  func reduceScatterRounded(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>]
  ) throws(ParallelError) {
    for slices in rounds(of: ranges) {
      let count = slices[rank].count
      let sent = unsafe wireBuffers.travelling(count: slices.reduce(0) { $0 + $1.count })
      let received = unsafe wireBuffers.received(count: count * size)
      for (slice, place) in zip(slices, places(of: slices)) {
        unsafe round(values.baseAddress, slice, into: sent + place)
      }
      try unsafe check(cmpi_exchange(handle, sent, slices.map { Int32($0.count) }, unsafe received, cmpi_u16))
      guard let sums = unsafe values.baseAddress.map({ unsafe $0 + slices[rank].lowerBound }) else { continue }
      for i in 0..<count { unsafe sums[i] = unsafe BFloat16.value(received[i]) }
      for sender in 1..<size {
        let given = unsafe received + sender * count
        for i in 0..<count { unsafe sums[i] += BFloat16.value(given[i]) }
      }
    }
  }

  func allGatherRounded(_ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>]) throws(ParallelError) {
    for slices in rounds(of: ranges) {
      let places = places(of: slices)
      let gathered = unsafe wireBuffers.travelling(count: slices.reduce(0) { $0 + $1.count })
      unsafe round(values.baseAddress, slices[rank], into: gathered + places[rank])
      try unsafe check(cmpi_all_gather(handle, gathered, slices.map { Int64($0.count) }, cmpi_u16))
      guard let first = values.baseAddress else { continue }
      for (slice, place) in zip(slices, places) {
        for i in 0..<slice.count { unsafe first[slice.lowerBound + i] = unsafe BFloat16.value(gathered[place + i]) }
      }
    }
  }

  /// One slice of every rank's range, for each round.
  private func rounds(of ranges: [Range<Int>]) -> [[Range<Int>]] {
    // 4 Mi values keep a round's cost far above that of a message, and its buffers small beside a model.
    let length = max(1, min(elementsPerCall, 1 << 22) / size)
    let longest = ranges.map(\.count).max() ?? 0
    return stride(from: 0, to: longest, by: length).map { start in
      ranges.map { $0.dropFirst(start).prefix(length) }
    }
  }

  /// Where each slice begins when they lie one after another.
  private func places(of slices: [Range<Int>]) -> [Int] {
    var end = 0
    return slices.map { slice in
      defer { end += slice.count }
      return end
    }
  }

  private func round(
    _ values: UnsafeMutablePointer<Float>?, _ slice: Range<Int>, into bits: UnsafeMutablePointer<UInt16>
  ) {
    guard let first = unsafe values.map({ unsafe $0 + slice.lowerBound }) else { return }
    for i in 0..<slice.count { unsafe bits[i] = unsafe BFloat16.bits(first[i]) }
  }
}

/// Memory for rounded values, kept from one call to the next.
@safe final class WireBuffers {
  private var first = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: 1)
  private var second = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: 1)

  deinit {
    unsafe first.deallocate()
    unsafe second.deallocate()
  }

  /// Room for the values of all ranks, valid until the next call.
  func travelling(count: Int) -> UnsafeMutablePointer<UInt16> { unsafe Self.room(for: count, in: &first) }

  /// Room for what other ranks send, valid until the next call.
  func received(count: Int) -> UnsafeMutablePointer<UInt16> { unsafe Self.room(for: count, in: &second) }

  private static func room(
    for count: Int, in buffer: inout UnsafeMutableBufferPointer<UInt16>
  ) -> UnsafeMutablePointer<UInt16> {
    if buffer.count < count {
      unsafe buffer.deallocate()
      unsafe buffer = .allocate(capacity: count)
    }
    guard let start = buffer.baseAddress else { preconditionFailure("a buffer of \(buffer.count) without an address") }
    return unsafe start
  }
}

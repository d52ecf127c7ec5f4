internal import HalfPrecision

// Every call lies between `enter` and `leave` of a rendezvous: memory of other ranks is read and written there alone, and
// no two ranks touch the same values if one of them writes.

extension ThreadGroup {
  package func allReduce(_ values: UnsafeMutableBufferPointer<Float>, wire: WireFormat) throws(ParallelError) {
    let travelled = travelling(wire)
    try unsafe reduceInRankOrder(values, "all-reduce of \(values.count) \(wire)", +, travelled)
  }

  package func allReduce(_ reduction: Reduction, _ values: inout [Double]) throws(ParallelError) {
    let call = "all-reduce of \(values.count) Double"
    try unsafe values.withUnsafeMutableBufferPointer { (buffer) throws(ParallelError) in
      switch reduction {
      case .sum: try unsafe reduceInRankOrder(buffer, call, +) { $0 }
      case .max: try unsafe reduceInRankOrder(buffer, call, { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }) { $0 }
      }
    }
  }

  package func allReduce(_ reduction: Reduction, _ values: inout [Int]) throws(ParallelError) {
    let call = "all-reduce of \(values.count) Int"
    try unsafe values.withUnsafeMutableBufferPointer { (buffer) throws(ParallelError) in
      switch reduction {
      case .sum: try unsafe reduceInRankOrder(buffer, call, +) { $0 }
      case .max: try unsafe reduceInRankOrder(buffer, call, max) { $0 }
      }
    }
  }

  package func reduceScatter(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) {
    checkRanges(ranges, count: values.count)
    let call = "reduce-scatter of \(ranges) Float as \(wire)"
    let travelled = travelling(wire)
    try unsafe withAll(call, UnsafeMutableRawBufferPointer(values)) { offers in
      let buffers = unsafe offers.map { unsafe $0.bytes.assumingMemoryBound(to: Float.self) }
      for i in ranges[rank] { unsafe values[i] = unsafe reduced(buffers, at: i, +, travelled) }
    }
  }

  package func allGather(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) {
    checkRanges(ranges, count: values.count)
    let call = "all-gather of \(ranges) Float as \(wire)"
    let travelled = travelling(wire)
    for i in ranges[rank] { unsafe values[i] = unsafe travelled(values[i]) }
    try unsafe withAll(call, UnsafeMutableRawBufferPointer(values)) { offers in
      for owner in 0..<size where owner != rank {
        let given = unsafe offers[owner].bytes.assumingMemoryBound(to: Float.self)
        for i in ranges[owner] { unsafe values[i] = unsafe given[i] }
      }
    }
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    guard root >= 0 && root < size else { throw .noSuchRank(operation: "broadcast", rank: root, size: size) }
    try unsafe withAll("broadcast of \(bytes.count) bytes from rank \(root)", unsafe bytes) { offers in
      if rank != root { unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(offers[root].bytes)) }
    }
  }

  package func allGather(_ text: String) throws(ParallelError) -> [String] {
    var mine = Array(text.utf8)
    return try unsafe together("all-gather", &mine) { buffers in
      unsafe buffers.map { unsafe String(decoding: $0, as: UTF8.self) }
    }
  }

  package func barrier() throws(ParallelError) {
    try unsafe withAll("barrier", UnsafeMutableRawBufferPointer(start: nil, count: 0)) { _ in }
  }

  /// Each rank reduces one share of the elements for all ranks.
  private func reduceInRankOrder<Element>(
    _ values: UnsafeMutableBufferPointer<Element>, _ call: String, _ combine: (Element, Element) -> Element,
    _ travelled: (Element) -> Element
  ) throws(ParallelError) {
    try unsafe withAll(call, UnsafeMutableRawBufferPointer(values)) { offers in
      let buffers = unsafe offers.map { unsafe $0.bytes.assumingMemoryBound(to: Element.self) }
      for i in values.count * rank / size..<values.count * (rank + 1) / size {
        let value = unsafe travelled(reduced(buffers, at: i, combine, travelled))
        for owner in unsafe buffers.indices { unsafe buffers[owner][i] = value }
      }
    }
  }

  private func reduced<Element>(
    _ buffers: [UnsafeMutableBufferPointer<Element>], at i: Int, _ combine: (Element, Element) -> Element,
    _ travelled: (Element) -> Element
  ) -> Element {
    unsafe buffers.dropFirst().reduce(travelled(buffers[0][i])) { unsafe combine($0, travelled($1[i])) }
  }

  /// What a value is after it has travelled.
  private func travelling(_ wire: WireFormat) -> (Float) -> Float {
    if wire == .float32 || size == 1 { return { $0 } }
    return BFloat16.rounded
  }

  /// What `read` makes of every rank's values, in rank order, while none can change.
  func together<Element, Result>(
    _ call: String, _ values: inout [Element], _ read: ([UnsafeMutableBufferPointer<Element>]) -> Result
  ) throws(ParallelError) -> Result {
    try unsafe values.withUnsafeMutableBufferPointer { (buffer) throws(ParallelError) in
      try unsafe withAll(call, UnsafeMutableRawBufferPointer(buffer)) { offers in
        unsafe read(offers.map { unsafe $0.bytes.assumingMemoryBound(to: Element.self) })
      }
    }
  }

  private func withAll<Result>(
    _ call: String, _ bytes: UnsafeMutableRawBufferPointer, _ body: ([Offer]) -> Result
  ) throws(ParallelError) -> Result {
    let offers = try unsafe rendezvous.enter(rank, Offer(call: call, bytes: bytes))
    defer { rendezvous.leave(rank) }
    return body(offers)
  }
}

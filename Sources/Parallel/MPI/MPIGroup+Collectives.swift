internal import CMPI

extension MPIGroup {
  package func allReduce(_ values: UnsafeMutableBufferPointer<Float>, wire: WireFormat) throws(ParallelError) {
    if wire == .float32 || size == 1 {
      try unsafe check(cmpi_sum(handle, values.baseAddress, Int64(values.count), cmpi_f32))
    } else {
      // MPI cannot add such values: each rank adds its share.
      let ranges = (0..<size).map { values.count * $0 / size..<values.count * ($0 + 1) / size }
      try unsafe reduceScatterRounded(values, ranges: ranges)
      try unsafe allGatherRounded(values, ranges: ranges)
    }
  }

  package func allReduce(_ reduction: Reduction, _ values: inout [Double]) throws(ParallelError) {
    switch reduction {
    case .sum:
      try unsafe check(cmpi_sum(handle, &values, Int64(values.count), cmpi_f64))
    case .max:
      // MPI_MAX may drop a value that is not a number, so which are none travels beside them.
      var all = values.map { $0.isNaN ? -.infinity : $0 } + values.map { $0.isNaN ? 1 : 0 }
      try unsafe check(cmpi_max(handle, &all, Int64(all.count), cmpi_f64))
      for index in values.indices { values[index] = all[values.count + index] > 0 ? .nan : all[index] }
    }
  }

  package func allReduce(_ reduction: Reduction, _ values: inout [Int]) throws(ParallelError) {
    var wide = values.map(Int64.init)
    switch reduction {
    case .sum: try unsafe check(cmpi_sum(handle, &wide, Int64(wide.count), cmpi_i64))
    case .max: try unsafe check(cmpi_max(handle, &wide, Int64(wide.count), cmpi_i64))
    }
    values = wide.map(Int.init)
  }

  package func reduceScatter(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) {
    checkRanges(ranges, count: values.count)
    if wire == .float32 || size == 1 {
      try unsafe check(cmpi_reduce_scatter(handle, values.baseAddress, ranges.map { Int64($0.count) }, cmpi_f32))
    } else {
      try unsafe reduceScatterRounded(values, ranges: ranges)
    }
  }

  package func allGather(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) {
    checkRanges(ranges, count: values.count)
    if wire == .float32 || size == 1 {
      try unsafe check(cmpi_all_gather(handle, values.baseAddress, ranges.map { Int64($0.count) }, cmpi_f32))
    } else {
      try unsafe allGatherRounded(values, ranges: ranges)
    }
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    try unsafe check(cmpi_broadcast(handle, bytes.baseAddress, Int64(bytes.count), Int32(clamping: root)))
  }

  package func allGather(_ text: String) throws(ParallelError) -> [String] {
    let mine = Array(text.utf8)
    var counts = [Int](repeating: 0, count: size)
    counts[rank] = mine.count
    try allReduce(.sum, &counts)
    let start = counts[..<rank].reduce(0, +)
    var all = [UInt8](repeating: 0, count: counts.reduce(0, +))
    all.replaceSubrange(start..<start + mine.count, with: mine)
    try unsafe check(cmpi_all_gather(handle, &all, counts.map(Int64.init), cmpi_u8))
    var rest = all[...]
    return counts.map { count in
      defer { rest = rest.dropFirst(count) }
      return String(decoding: rest.prefix(count), as: UTF8.self)
    }
  }

  package func barrier() throws(ParallelError) {
    try unsafe check(cmpi_barrier(handle))
  }
}

// The calls that wait for other ranks, each shown in the heartbeats while it does.
extension WatchedGroup {
  package func allReduce(_ values: UnsafeMutableBufferPointer<Float>, wire: WireFormat) throws(ParallelError) {
    try during("all-reduce", of: values.count, "Float") { () throws(ParallelError) in
      try unsafe base.allReduce(values, wire: wire)
    }
  }

  package func allReduce(_ reduction: Reduction, _ values: inout [Double]) throws(ParallelError) {
    try during("all-reduce", of: values.count, "Double") { () throws(ParallelError) in
      try base.allReduce(reduction, &values)
    }
  }

  package func allReduce(_ reduction: Reduction, _ values: inout [Int]) throws(ParallelError) {
    try during("all-reduce", of: values.count, "Int") { () throws(ParallelError) in
      try base.allReduce(reduction, &values)
    }
  }

  package func reduceScatter(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) {
    try during("reduce-scatter", of: values.count, "Float") { () throws(ParallelError) in
      try unsafe base.reduceScatter(values, ranges: ranges, wire: wire)
    }
  }

  package func allGather(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError) {
    try during("all-gather", of: values.count, "Float") { () throws(ParallelError) in
      try unsafe base.allGather(values, ranges: ranges, wire: wire)
    }
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError) {
    try during("broadcast", of: bytes.count, "bytes") { () throws(ParallelError) in
      try unsafe base.broadcast(bytes, from: root)
    }
  }

  package func allGather(_ text: String) throws(ParallelError) -> [String] {
    try during("all-gather") { () throws(ParallelError) in try base.allGather(text) }
  }

  package func barrier() throws(ParallelError) {
    try during("barrier") { () throws(ParallelError) in try base.barrier() }
  }

  package func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError) {
    try during("send", of: bytes.count, "bytes") { () throws(ParallelError) in try unsafe base.send(bytes, to: rank) }
  }

  package func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError) {
    try during("receive", of: bytes.count, "bytes") { () throws(ParallelError) in
      try unsafe base.receive(bytes, from: rank)
    }
  }
}

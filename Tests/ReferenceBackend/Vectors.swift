func dot(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count, "dot: \(a.count) against \(b.count)")
  var total = 0.0
  for i in a.indices { total += a[i] * b[i] }
  return total
}

extension [Double] {
  /// Adds `factor · x`, element by element.
  mutating func add(_ x: [Double], times factor: Double = 1) {
    precondition(x.count == count, "add: \(x.count) to \(count)")
    for i in indices { self[i] += factor * x[i] }
  }
}

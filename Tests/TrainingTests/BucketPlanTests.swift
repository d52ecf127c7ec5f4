import Testing

@testable import Training

struct BucketPlanTests {
  @Test(arguments: [1, 15, 16, 100, 1000, 4096], [4, 64, 400, 1 << 20])
  func `buckets cover the parameters once, last first`(count: Int, bucketBytes: Int) {
    let plan = BucketPlan(count: count, bucketBytes: bucketBytes)
    var end = count
    for index in 0..<plan.bucketCount {
      let range = plan.range(index)
      #expect(range.upperBound == end && !range.isEmpty && range.count * 4 <= max(4, bucketBytes))
      end = range.lowerBound
    }
    #expect(end == 0)
  }

  @Test(arguments: [1, 100, 1000], [4, 64, 400])
  func `a range touches the buckets that it overlaps`(count: Int, bucketBytes: Int) {
    let plan = BucketPlan(count: count, bucketBytes: bucketBytes)
    for wanted in [0..<1, 3..<40, 0..<100, 99..<100, 50..<50, 0..<1000] {
      let range = wanted.clamped(to: 0..<count)
      let expected = (0..<plan.bucketCount).filter { plan.range($0).overlaps(range) }
      #expect(Array(plan.buckets(touching: range)) == expected, "\(range)")
    }
  }

  @Test(arguments: [(1, 64), (15, 400), (100, 64), (1000, 400), (1000, 1 << 20)], [1, 2, 3, 7])
  func `ranks own every parameter once, in nearly equal parts of each bucket`(
    size: (count: Int, bucketBytes: Int), rankCount: Int
  ) {
    let (count, bucketBytes) = size
    let plan = BucketPlan(count: count, bucketBytes: bucketBytes)
    for index in 0..<plan.bucketCount {
      let shares = plan.shares(index, rankCount: rankCount)
      #expect(shares.count == rankCount && shares.flatMap { Array($0) } == Array(0..<plan.range(index).count))
      #expect((shares.map(\.count).max() ?? 0) - (shares.map(\.count).min() ?? 0) <= 32)
    }
    let owned = (0..<rankCount).map { plan.owned(by: $0, of: rankCount) }
    for parts in owned { #expect(parts == parts.sorted { $0.lowerBound < $1.lowerBound }) }
    #expect(owned.flatMap { $0 }.flatMap { Array($0) }.sorted() == Array(0..<count))
  }

  @Test func `buckets come in order, each once all before it are final`() {
    let plan = BucketPlan(count: 40, bucketBytes: 40)  // 30..<40, 20..<30, 10..<20, 0..<10
    var countdown = BucketCountdown(plan, writes: [35..<36, 5..<25, 12..<14])
    let final = { (countdown: inout BucketCountdown) in
      var buckets: [Int] = []
      while let bucket = countdown.takeNext() { buckets.append(bucket) }
      return buckets
    }
    #expect(final(&countdown) == [])
    countdown.finish(12..<14)
    #expect(final(&countdown) == [])
    countdown.finish(35..<36)
    #expect(final(&countdown) == [0])
    countdown.finish(5..<25)
    #expect(final(&countdown) == [1, 2, 3])
    #expect(final(&countdown) == [])
  }

  @Test func `without writes all buckets are final`() {
    let plan = BucketPlan(count: 40, bucketBytes: 40)
    var countdown = BucketCountdown(plan, writes: [])
    #expect((0..<5).map { _ in countdown.takeNext() } == [0, 1, 2, 3, nil])
  }
}

import Foundation
import Parallel
import Synchronization
import Testing
import TokenData

@testable import Training

/// The thread that makes the batches of the next step.
struct BatchPrefetcherTests {
  /// Steps that were made, in order.
  private final class Made: Sendable {
    private let steps = Mutex<[Int]>([])
    var all: [Int] { steps.withLock { $0 } }
    func add(_ step: Int) { steps.withLock { $0.append(step) } }

    /// Returns when so many steps were made.
    func wait(for count: Int) {
      while all.count < count { Thread.sleep(forTimeInterval: 0.001) }
    }
  }

  private static func batch(_ step: Int) -> TokenBatch {
    TokenBatch(inputs: [Int32(step)], targets: [Int32(step) + 1], sampleCount: 1, length: 1)
  }

  @Test func `every step gets its own batches, in whatever order they are asked for`() throws {
    let made = Made()
    let prefetcher = BatchPrefetcher(end: 1000) { step throws(TokenError) in
      made.add(step)
      return [Self.batch(step), Self.batch(step + 1)]
    }
    for step in Array(0..<200) + [7, 7, 7, 8, 3, 999, 0, 500, 501, 502] {
      #expect(try prefetcher.batches(step: step) == [Self.batch(step), Self.batch(step + 1)])
    }
    #expect(Array(made.all.prefix(200)) == Array(0..<200))
  }

  @Test func `the next step is made while this one is computed, and none beyond the end`() throws {
    let made = Made()
    let prefetcher = BatchPrefetcher(end: 3) { step throws(TokenError) in
      made.add(step)
      return [Self.batch(step)]
    }
    for step in 0..<3 {
      _ = try prefetcher.batches(step: step)
      // Nobody asks for the next one before it is there.
      made.wait(for: min(3, step + 2))
    }
    #expect(made.all == [0, 1, 2])
  }

  @Test func `an error comes with the step that it is of, and does not end the thread`() throws {
    let failure = TokenError(file: "a.bin", found: "nothing", allowed: "something")
    let prefetcher = BatchPrefetcher(end: 10) { step throws(TokenError) in
      if step == 2 { throw failure }
      return [Self.batch(step)]
    }
    for step in [0, 1] { #expect(try prefetcher.batches(step: step) == [Self.batch(step)]) }
    #expect(throws: failure) { try prefetcher.batches(step: 2) }
    #expect(try prefetcher.batches(step: 3) == [Self.batch(3)])
  }

  @Test func `it ends in whatever state it is`() throws {
    for count in 0..<20 {
      let made = Made()
      var prefetcher: BatchPrefetcher? = BatchPrefetcher(end: 100) { step throws(TokenError) in
        if step == 5 { Thread.sleep(forTimeInterval: 0.002) }
        made.add(step)
        return [Self.batch(step)]
      }
      for step in 0..<count { _ = try prefetcher?.batches(step: step) }
      prefetcher = nil
      // What was begun is done, and nothing is begun after that.
      let atEnd = made.all
      Thread.sleep(forTimeInterval: 0.001)
      #expect(made.all == atEnd && atEnd.count <= count + 1)
    }
  }

  @Test func `a shard that is overwritten while it is trained on ends the run with its name and place`() throws {
    let scratch = try Scratch()
    let config = try SmallRun.tokens(scratch, ["train.steps=50"])
    let shard = scratch.file("tiny_train_000000.bin")
    let run = try StepRun(config, group: SoloGroup())
    _ = try run.step(0, isStopRequested: false)
    let file = try FileHandle(forUpdating: URL(filePath: shard))
    for place in 0..<700 {
      try file.seek(toOffset: UInt64(1024 + 2 * place))
      try file.write(contentsOf: [200, 0])
    }
    try file.close()
    let error = #expect(throws: TokenError.self) {
      // The next step's batches may have been made before.
      for step in 1..<4 { _ = try run.step(step, isStopRequested: false) }
    }
    #expect(error?.description == "\(shard): found id 200 at position 0 (byte 1024); allowed: 0..<24, the vocabulary")
  }
}

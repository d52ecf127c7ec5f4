import Foundation
import Testing

@testable import Randomness
@testable import TokenData

@Suite struct MQARTests {
  static let segments = [(64, 4), (128, 8), (256, 16), (256, 64), (16, 4)].map {
    MQARTask.Segment(length: $0.0, pairCount: $0.1)
  }

  /// What Zoology's generator promises, sample by sample.
  @Test(arguments: segments, [256, 8192]) func `targets are where Zoology puts them`(
    segment: MQARTask.Segment, vocabularySize: Int
  ) {
    let data = MQARTrainingData(task: MQARTask(vocabularySize: vocabularySize), segments: [segment], seed: 3)
    let batch = data.batch(step: 5, globalBatch: 40, samples: 0..<40)
    #expect(batch.lengths.allSatisfy { $0 == segment.length } && batch.targetCount == 40 * segment.pairCount)
    let half = Int32(vocabularySize / 2)
    let contextLength = 2 * segment.pairCount
    for sample in 0..<40 {
      let inputs = Array(batch.inputs[sample * segment.length..<(sample + 1) * segment.length])
      let targets = Array(batch.targets[sample * segment.length..<(sample + 1) * segment.length])
      let keys = stride(from: 0, to: contextLength, by: 2).map { inputs[$0] }
      let values = stride(from: 1, to: contextLength, by: 2).map { inputs[$0] }
      #expect(Set(keys).count == segment.pairCount && keys.allSatisfy { (1..<half).contains($0) })
      #expect(
        Set(values).count == segment.pairCount && values.allSatisfy { (half..<Int32(vocabularySize)).contains($0) })
      #expect(inputs.allSatisfy { (0..<Int32(vocabularySize)).contains($0) })
      let pairs = Dictionary(uniqueKeysWithValues: zip(keys, values))
      var queried: Set<Int32> = []
      for (place, target) in targets.enumerated() where target != TokenBatch.ignored {
        #expect(place >= contextLength && (place - contextLength) % 2 == 0)
        #expect(pairs[inputs[place]] == target)
        queried.insert(inputs[place])
      }
      #expect(queried == Set(keys))
    }
  }

  @Test func `gaps follow the power law`() {
    // The first gap is drawn with probability proportional to (i + 1)^(a - 1).
    let slotCount = 28
    let drawCount = 20_000
    var first = Array(repeating: 0.0, count: slotCount)
    for sample in 0..<drawCount {
      var generator = CounterGenerator(seed: 1, stream: .task, index: UInt64(sample))
      let gaps = MQARTask.gaps(4, of: slotCount, from: &generator)
      #expect(Set(gaps).count == 4)
      first[gaps[0]] += 1
    }
    let weights = (0..<slotCount).map { 0.01 * pow(Double($0 + 1), 0.01 - 1) }
    let total = weights.reduce(0, +)
    let chiSquare = zip(first, weights).reduce(0) { sum, pair in
      let expected = Double(drawCount) * pair.1 / total
      return sum + (pair.0 - expected) * (pair.0 - expected) / expected
    }
    // 27 degrees of freedom: 63 is beyond the quantile of 0.9999.
    #expect(chiSquare < 63, "\(chiSquare)")
  }

  @Test func `second gaps are drawn among those left`() {
    let weights = (0..<3).map { pow(Double($0 + 1), 0.01 - 1) }
    let total = weights.reduce(0, +)
    var counts: [[Int]: Double] = [:]
    for sample in 0..<30_000 {
      var generator = CounterGenerator(seed: 2, stream: .task, index: UInt64(sample))
      counts[MQARTask.gaps(2, of: 3, from: &generator), default: 0] += 1
    }
    for first in 0..<3 {
      for second in 0..<3 where second != first {
        let probability = weights[first] / total * weights[second] / (total - weights[first])
        let count = counts[[first, second], default: 0]
        #expect(abs(count - 30_000 * probability) < 5 * (30_000 * probability).squareRoot(), "\(first) \(second)")
      }
    }
  }

  @Test func `fillers are random over the whole vocabulary`() {
    let data = MQARTrainingData(task: MQARTask(vocabularySize: 8192), segments: [Self.segments[2]], seed: 3)
    let batch = data.batch(step: 0, globalBatch: 200, samples: 0..<200)
    let fillers = (0..<200).flatMap { sample in
      (32..<256).filter { batch.targets[sample * 256 + $0] == TokenBatch.ignored }.map {
        batch.inputs[sample * 256 + $0]
      }
    }
    let mean = fillers.reduce(0.0) { $0 + Double($1) } / Double(fillers.count)
    #expect(abs(mean - 4095.5) < 60)
    #expect(Set(fillers).count > 7500)
  }

  @Test func `a sample is a function of seed, stream and number`() {
    let task = MQARTask(vocabularySize: 512)
    let data = MQARTrainingData(task: task, segments: [Self.segments[0]], seed: 3)
    #expect(
      data.batch(step: 6, globalBatch: 2, samples: 1..<2) == data.batch(step: 1, globalBatch: 10, samples: 3..<4))
    let other = MQARTrainingData(task: task, segments: [Self.segments[0]], seed: 4)
    #expect(other.batch(step: 0, globalBatch: 2, samples: 0..<2) != data.batch(step: 0, globalBatch: 2, samples: 0..<2))
    let validation = MQARValidationData(
      task: task, segments: [Self.segments[0]], sampleCount: 2, seed: 3, batchSize: 2)
    #expect(validation.batch(0) != data.batch(step: 0, globalBatch: 2, samples: 0..<2))
    #expect(data.cursor(step: 6, globalBatch: 2) == (0, 12) && data.samplesPerEpoch == nil)
  }

  @Test func `steps draw their segments evenly`() {
    let data = MQARTrainingData(task: MQARTask(vocabularySize: 512), segments: Self.segments, seed: 3)
    var counts: [MQARTask.Segment: Int] = [:]
    for step in 0..<5000 { counts[data.segment(ofStep: step), default: 0] += 1 }
    #expect(Self.segments.allSatisfy { abs((counts[$0] ?? 0) - 1000) < 150 })
    for step in 0..<20 {
      #expect(data.batch(step: step, globalBatch: 2, samples: 0..<2).lengths[0] == data.segment(ofStep: step).length)
    }
  }

  @Test func `validation is a fixed share of each segment`() {
    let segments = [Self.segments[0], Self.segments[1], Self.segments[0]]
    let data = MQARValidationData(
      task: MQARTask(vocabularySize: 512), segments: segments, sampleCount: 20, seed: 3, batchSize: 4)
    let batches = (0..<data.batchCount).map { data.batch($0) }
    #expect(batches.map(\.lengths.count) == [4, 4, 2, 4, 4, 2])
    #expect(batches.map(\.lengths[0]) == [64, 64, 64, 128, 128, 128])
    #expect(batches == (0..<data.batchCount).map { data.batch($0) })
    #expect(data.segment(ofBatch: 3) == segments[1])
    #expect(batches[0].inputs[0..<64] != batches[1].inputs[0..<64])
  }

  @Test func `a model with too small a vocabulary is refused`() throws {
    let data = MQARTrainingData(task: MQARTask(vocabularySize: 512), segments: Self.segments, seed: 3)
    try data.requireIDs(below: 512)
    let error = #expect(throws: TokenError.self) { try data.requireIDs(below: 511) }
    #expect(error?.description == "data.vocabulary_size: found 512; allowed: at most 511, the model's vocabulary")
  }
}

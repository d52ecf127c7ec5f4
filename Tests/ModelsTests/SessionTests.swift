import Foundation
import Generation
import Models
import Randomness
import TensorCore
import Testing

/// Sequences that come and go against the whole model run over each of them.
struct SessionTests {
  /// Schedules that are drawn; set `CATLM_SCHEDULES` for more, such as 10000.
  static let scheduleCount = ProcessInfo.processInfo.environment["CATLM_SCHEDULES"].flatMap { Int($0) } ?? 200

  @Test(arguments: DecodedModel.all)
  func `tokens of any schedule are those of the whole model`(fields: DecodedModel) throws {
    let backend = BackendKind(level: .highest(for: .float32), threadCount: 1).make()
    let model = try fields.model(on: backend)
    for number in 0..<max(1, Self.scheduleCount / DecodedModel.all.count) {
      var schedule = Schedule(seed: UInt64(number), model: model, chunkSize: fields.chunkSize)
      try schedule.run(on: backend)
    }
  }

  @Test(arguments: DecodedModel.all)
  func `a mixed batch draws what each sequence draws alone`(fields: DecodedModel) throws {
    let backend = BackendKind.fastest.make()
    let model = try fields.model(on: backend)
    let sizes = model.config.chunkSizes ?? fields.chunkSize...fields.chunkSize
    let requests = [3, 1, 17, 8].enumerated().map { index, length in
      GenerationRequest(
        prompt: fields.samples(count: 4, length: length)[index],
        chunkSize: max(sizes.lowerBound, min(sizes.upperBound, 1 + 3 * index)),
        maximumCount: 12,
        sampling: SamplingSettings(
          temperature: 0.9, topK: 40, topP: 0.95, repetitionPenalty: 1.1, seed: 4, logProbabilityCount: 2),
        sample: index)
    }
    let together = try tokens(requests, model, on: backend)
    for (index, request) in requests.enumerated() {
      #expect(try tokens([request], model, on: backend) == [together[index]], "sequence \(index)")
    }
  }

  private func tokens(
    _ requests: [GenerationRequest], _ model: any LanguageModel, on backend: any Backend
  ) throws -> [[Int32]] {
    let sizes = requests.map { $0.size(longest: model.config.maximumLength) }
    let session = GenerationSession(model, room: model.room(for: sizes), backend: backend)
    let names = try requests.map { try #require(try session.add($0)) }
    var found: [Int: [Int32]] = [:]
    while !session.isEmpty {
      for new in try session.step() {
        found[new.sequence, default: []].append(new.token.id)
        #expect(new.token.logProbability.map { $0 <= 0 } == true && new.token.alternatives.count == 2)
      }
    }
    return names.map { found[$0] ?? [] }
  }

  @Test func `sequences wait for room, and take that of those that are gone`() throws {
    let backend = BackendKind.fastest.make()
    let fields = try #require(DecodedModel.all.first { $0.testDescription == "adaptive CAT, C = 5" })
    let model = try fields.model(on: backend)
    let request = GenerationRequest(prompt: [1, 2, 3], chunkSize: 5, maximumCount: 9)
    let room = model.room(for: Array(repeating: request.size(longest: 128), count: 2))
    let session = GenerationSession(model, room: room, backend: backend)
    let first = try #require(try session.add(request))
    #expect(try session.add(request) != nil)
    #expect(try session.add(request) == nil)
    let bytes = session.cacheBytes
    #expect(bytes == 2 * model.config.cacheBytes(length: 12, chunkSize: 5))
    session.remove(first)
    // As many slots at another length: one chunk more, one row of a chunk less.
    let other = GenerationRequest(prompt: [7], chunkSize: 4, maximumCount: 15)
    #expect(model.slotCounts(length: 16, chunkSize: 4) == model.slotCounts(length: 12, chunkSize: 5))
    #expect(try session.add(other) != nil)
    while !session.isEmpty { _ = try session.step() }
    #expect(session.cacheBytes == bytes)
  }

  @Test func `a sequence says why it ends`() throws {
    let backend = BackendKind.fastest.make()
    let fields = DecodedModel.all[0]
    let model = try fields.model(on: backend)
    func end(_ request: GenerationRequest) throws -> (count: Int, end: GenerationEnd?) {
      let room = model.room(for: [request.size(longest: 128)])
      let session = GenerationSession(model, room: room, backend: backend)
      _ = try session.add(request)
      var last: (count: Int, end: GenerationEnd?) = (0, nil)
      while !session.isEmpty { for new in try session.step() { last = (last.count + 1, new.end) } }
      return last
    }
    var request = GenerationRequest(prompt: [3, 4], chunkSize: 1, maximumCount: 5)
    #expect(try end(request) == (5, .maximumTokens))
    request.stopIDs = Set(0..<64)
    #expect(try end(request) == (1, .stopID))
    request = GenerationRequest(prompt: Array(repeating: 2, count: 125), chunkSize: 1, maximumCount: 5)
    #expect(try end(request) == (3, .longestSequence))
    request.maximumCount = 3
    #expect(try end(request) == (3, .maximumTokens))
  }

  @Test(arguments: [([], "found 0 tokens"), (Array(repeating: 1, count: 128), "found 128 tokens"), ([1, 64], "id 64")])
  func `a prompt that the model cannot take is refused`(prompt: [Int32], message: String) throws {
    let backend = BackendKind.fastest.make()
    let model = try DecodedModel.all[0].model(on: backend)
    let session = GenerationSession(
      model, room: model.room(for: [SequenceSize(length: 128, chunkSize: 1)]), backend: backend)
    let error = #expect(throws: GenerationError.self) {
      try session.add(GenerationRequest(prompt: prompt, chunkSize: 1, maximumCount: 1))
    }
    #expect(error.map { "\($0)".contains(message) } == true, "\(error.map { "\($0)" } ?? "no error")")
  }

  @Test func `slots that are given back become one stretch again`() {
    var table = SequenceTable<Int>(DecodeRoom(sequenceCount: 4, slotCounts: [10, 5]))
    let names = [[3, 1], [4, 1], [3, 1]].map { table.add(0, slotCounts: $0) }
    #expect(names == [0, 1, 2] && table[1].slots == [3..<7, 1..<2])
    #expect(table.add(0, slotCounts: [1, 1]) == nil)
    table.remove(0)
    #expect(table.add(0, slotCounts: [4, 1]) == nil)
    table.remove(1)
    #expect(table.add(0, slotCounts: [7, 3]) == nil)
    #expect(table.add(0, slotCounts: [7, 2]) == 0)
    table.remove(2)
    table.remove(0)
    #expect(table.add(0, slotCounts: [10, 5]) == 0)
  }
}

/// Sequences of all kinds of lengths that come and go by chance.
private struct Schedule {
  private var generator: CounterGenerator
  private let model: any LanguageModel
  private let chunkSize: Int
  private let promptTokensPerStep: Int
  private var waiting: [GenerationRequest]
  private var texts: [Int: (request: GenerationRequest, ids: [Int32])] = [:]

  init(seed: UInt64, model: any LanguageModel, chunkSize: Int) {
    var generator = CounterGenerator(seed: 12, stream: .task, index: seed)
    self.model = model
    self.chunkSize = chunkSize
    promptTokensPerStep = [1, 2, 5, 11, .max][generator.below(5)]
    let sizes = model.config.chunkSizes
    waiting = (0..<2 + generator.below(5)).map { _ in
      let size = sizes.map { $0.lowerBound + generator.below($0.count) } ?? chunkSize
      let lengths = [1, max(1, size - 1), size, size + 1, 2 * size, 1 + generator.below(40)]
      let length = lengths[generator.below(lengths.count)]
      return GenerationRequest(
        prompt: (0..<length).map { _ in Int32(generator.below(64)) }, chunkSize: size,
        maximumCount: 1 + generator.below(14))
    }
    self.generator = generator
  }

  mutating func run(on backend: any Backend) throws {
    // Room for the first few, and for each alone.
    let sizes = waiting.map { $0.size(longest: model.config.maximumLength) }
    let rooms = [model.room(for: Array(sizes.prefix(2)))] + sizes.map { model.room(for: [$0]) }
    let room = DecodeRoom(
      sequenceCount: 3,
      slotCounts: rooms[0].slotCounts.indices.map { arena in rooms.reduce(0) { max($0, $1.slotCounts[arena]) } })
    let session = GenerationSession(model, room: room, backend: backend, promptTokensPerStep: promptTokensPerStep)
    while !waiting.isEmpty || !session.isEmpty {
      while !waiting.isEmpty, session.isEmpty || generator.below(3) > 0 {
        guard let name = try session.add(waiting[0]) else { break }
        let request = waiting.removeFirst()
        texts[name] = (request, request.prompt)
      }
      for new in try session.step() { texts[new.sequence]?.ids.append(new.token.id) }
      if generator.below(12) == 0, let name = texts.keys.sorted().randomElement(using: &generator) {
        session.remove(name)
      }
    }
    for text in texts.values { try check(text.request, text.ids, on: backend) }
  }

  /// Every new token has the largest logit of the whole model, or one that is as good as the largest.
  private func check(_ request: GenerationRequest, _ ids: [Int32], on backend: any Backend) throws {
    guard ids.count > request.prompt.count else { return }
    let inputs = Array(ids.dropLast())
    let input = ModelInput(
      ids: inputs, sampleCount: 1, length: inputs.count, chunkSize: request.chunkSize, on: backend)
    let logits = model.logits(input, tape: Tape(backend: backend, isRecording: false)).values
    for position in request.prompt.count..<ids.count {
      let row = logits[(position - 1) * 64..<position * 64]
      let largest = try #require(row.max())
      let chosen = row[row.startIndex + Int(ids[position])]
      #expect(
        chosen >= largest - 2e-4,
        "C = \(request.chunkSize), prompt of \(request.prompt.count), token \(position): \(chosen) of \(largest)")
    }
  }
}

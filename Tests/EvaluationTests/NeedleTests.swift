import CPUBackend
import Evaluation
import Foundation
import JSON
import Models
import Parallel
import TensorCore
import Testing
import Tokenizers

struct NeedleTests {
  @Test func `the needle is in the haystack at its depth, and the question behind it`() {
    let task = NeedleTask(.numbers, tokenizer: ByteTokenizer())
    for depth in [0, 0.25, 0.5, 1] {
      let sample = task.sample(3, length: 1000, depth: depth)
      #expect(sample.prompt.count == 1000 - task.answerCount)
      let text = ByteTokenizer().decode(sample.prompt)
      let needle = text.firstRange(of: "One of the special magic numbers for ")
      let place = needle.map { text.distance(from: text.startIndex, to: $0.lowerBound) } ?? -1
      let hay = text.count - 250
      #expect(abs(Double(place) - depth * Double(hay)) < 60, "depth \(depth): at \(place) of \(hay)")
      #expect(text.contains(" is: \(sample.value)."))
      #expect(text.contains("\nWhat is the special magic number for ") && text.hasSuffix("provided text is"))
      #expect(sample.value.count == 7 && Int(sample.value) != nil)
    }
  }

  @Test(arguments: NeedleTask.Value.allCases)
  func `all prompts of a length are of one length, whatever the words`(_ kind: NeedleTask.Value) throws {
    let tokenizers: [any Tokenizer] = [ByteTokenizer(), try TokenizerChoice.file(Fixtures.tokenizer).load()]
    for tokenizer in tokenizers {
      for haystack in [nil, NeedleTask.sentences(of: "A first. And a second!\nthird line\n\nIs it? Yes.")] {
        let task = NeedleTask(kind, tokenizer: tokenizer, haystack: haystack)
        let least = task.leastLength(sampleCount: 20)
        let length = least + 37
        let samples = (0..<20).map { task.sample($0, length: length, depth: 0.4) }
        #expect(samples.allSatisfy { $0.prompt.count == length - task.answerCount })
        #expect(Set(samples).count == 20)
        #expect(task.sample(0, length: least, depth: 1).prompt.count == least - task.answerCount)
      }
    }
  }

  @Test func `a text is cut into sentences`() {
    let text = "A first. And a second!\n\nno stop\n e.g.this one? Yes."
    #expect(NeedleTask.sentences(of: text) == ["A first.", "And a second!", "no stop", "e.g.this one?", "Yes."])
  }

  @Test func `an answer begins with the value and ends where the value does`() {
    #expect(NeedleTask.isAnswer(" 1234567.", "1234567") && NeedleTask.isAnswer("1234567", "1234567"))
    #expect(NeedleTask.isAnswer("\n 1234567 and", "1234567"))
    #expect(!NeedleTask.isAnswer(" 12345678", "1234567") && !NeedleTask.isAnswer(" 123456", "1234567"))
    #expect(!NeedleTask.isAnswer("It is 1234567", "1234567"))
  }

  /// A model that reads the last bytes finds exactly the needles that are among them.
  @Test(arguments: [1, 2, 3]) func `recall is the share of the needles that a model finds`(rankCount: Int) throws {
    let found = try ThreadGroup.run(size: rankCount) { group in
      let backend = CPUBackend(threadCount: 1, level: nil, precision: .float32)
      // The question has 145 bytes or more, and the second half of the haystack about 400.
      let model = ReadingModel(memory: 640, backend: backend)
      let evaluation = NeedleEvaluation(
        NeedleTask(.numbers, tokenizer: ByteTokenizer()), model: model, tokenizer: ByteTokenizer(), backend: backend,
        group: group, lengths: [512, 1100], depths: [0, 0.5, 1], sampleCount: 7, batchSize: 3)
      #expect(evaluation.batchCount == 6 * 3)
      return try evaluation.run(chunkSize: 1).results
    }
    for results in found {
      #expect(results.map(\.length) == [512, 512, 512, 1100, 1100, 1100])
      #expect(results.map(\.recall) == [1, 1, 1, 0, 1, 1])
    }
  }
}

/// A model without weights, which writes the number behind the last "is: " among the bytes that it remembers.
private final class ReadingModel: LanguageModel {
  let config: ModelConfig
  let parameters: ParameterStore
  let head: Tensor
  private let memory: Int

  init(memory: Int, backend: any Backend) {
    self.memory = memory
    config = ModelConfig(
      DenseConfig(vocabularySize: 256, hiddenSize: 256, layerCount: 1, headCount: 2, maximumLength: 2048))
    parameters = ParameterStore([], isTrained: false, backend: backend)
    let identity = (0..<256 * 256).map { Float($0 % 257 == 0 ? 1 : 0) }
    head = Tensor(identity, shape: [256, 256], backend: backend)
  }

  func hidden(_ input: ModelInput, tape: Tape) -> Tensor { preconditionFailure("only decoding") }

  func slotCounts(length: Int, chunkSize: Int) -> [Int] { [] }

  func makeDecodeState(_ room: DecodeRoom, backend: any Backend) -> any DecodeState {
    State(memory: memory, backend: backend)
  }

  private final class State: DecodeState {
    let cacheBytes = 0
    let takesPortions = false
    /// Of each sequence: what it writes, and how much of that it has written.
    private var answers: [(text: [UInt8], writtenCount: Int)] = []
    private let memory: Int
    private let backend: any Backend

    init(memory: Int, backend: any Backend) {
      self.memory = memory
      self.backend = backend
    }

    func add(length: Int, chunkSize: Int) -> Int? {
      answers.append(([], -1))
      return answers.count - 1
    }

    func remove(_ sequence: Int) {}

    func advance(_ portions: [SequenceTokens]) -> Tensor {
      let rows = portions.flatMap { portion in
        if answers[portion.sequence].writtenCount < 0 {
          answers[portion.sequence].text = answer(to: portion.ids.suffix(memory))
        }
        answers[portion.sequence].writtenCount += 1
        let (text, place) = answers[portion.sequence]
        return (0..<256).map { Float(place < text.count && Int(text[place]) == $0 ? 1 : 0) }
      }
      return Tensor(rows, shape: [portions.count, 256], backend: backend)
    }

    private func answer(to prompt: ArraySlice<Int32>) -> [UInt8] {
      let text = String(decoding: prompt.map { UInt8($0) }, as: UTF8.self)
      guard let place = text.ranges(of: "is: ").last?.upperBound else { return Array(" none".utf8) }
      return Array((" " + text[place...].prefix(7) + ".").utf8)
    }
  }
}

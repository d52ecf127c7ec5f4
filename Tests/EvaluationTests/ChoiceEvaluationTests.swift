import Evaluation
import Foundation
import Parallel
import Testing
import Tokenizers

struct ChoiceEvaluationTests {
  private static let questions = [
    ChoiceQuestion(context: "abc", choices: ["d", "defghij", " x"], answer: 1),
    ChoiceQuestion(context: "one two ", choices: ["three", "four"], answer: 0),
    ChoiceQuestion(context: "a", choices: ["zz", "y", "xyxyxy", "w"], answer: 3),
    ChoiceQuestion(context: "long context of its own, ", choices: ["no", "yes"], answer: 1),
  ]

  private func evaluation(
    _ small: SmallModel, _ questions: [ChoiceQuestion] = questions, group: any ProcessGroup = SoloGroup(),
    batchSize: Int = 4
  ) throws -> ChoiceEvaluation {
    try ChoiceEvaluation(
      questions, model: small.model, tokenizer: ByteTokenizer(), backend: small.backend, group: group,
      batchSize: batchSize)
  }

  @Test(arguments: SmallModel.Kind.allCases, [1, 3, 8])
  func `choices rank by the sums of their log-probabilities`(_ kind: SmallModel.Kind, chunkSize: Int) throws {
    let small = try SmallModel(kind)
    var (correct, perToken, loss) = (0, 0, 0.0)
    for question in Self.questions {
      let costs = question.choices.map { choice in
        let ids = (question.context + choice).utf8.map(Int32.init)
        return -small.logProbabilities(ids, chunkSize: chunkSize).suffix(choice.utf8.count).reduce(0, +)
      }
      let means = zip(costs, question.choices).map { $0 / Double($1.utf8.count) }
      correct += costs.firstIndex(of: costs.min() ?? 0) == question.answer ? 1 : 0
      perToken += means.firstIndex(of: means.min() ?? 0) == question.answer ? 1 : 0
      loss += costs[question.answer]
    }
    let found = try evaluation(small).run(chunkSize: chunkSize)
    #expect(found.questionCount == 4 && found.cutCount == 0)
    #expect(found.correctCount == correct && found.correctCountPerToken == perToken)
    #expect(found.correctCountPerByte == perToken, "a token is a byte here")
    #expect(isClose(found.lossSum, loss, within: 1e-5), "expected \(loss), got \(found.lossSum)")
  }

  @Test(arguments: [2, 3]) func `ranks find what one finds, to the bit`(rankCount: Int) throws {
    let losses = try [1, rankCount].map { count in
      try ThreadGroup.run(size: count) { group in
        try evaluation(SmallModel(.cat), group: group, batchSize: 2).run(chunkSize: 4).lossSum
      }
    }
    #expect(losses[1] == Array(repeating: losses[0][0], count: rankCount))
  }

  @Test func `a context that is too long loses its beginning, and that is counted`() throws {
    let small = try SmallModel(.dense)
    let context = String(repeating: "abcdefgh", count: 8)
    let long = ChoiceQuestion(context: context, choices: ["ij", "k"], answer: 0)
    let found = try evaluation(small, [long]).run(chunkSize: 1)
    #expect(found.cutCount == 2)
    let ids = (context + "ij").utf8.suffix(SmallModel.longest + 1).map(Int32.init)
    let expected = -small.logProbabilities(ids, chunkSize: 1).suffix(2).reduce(0, +)
    #expect(isClose(found.lossSum, expected, within: 1e-5))
  }

  @Test func `a choice without a token before it is refused, and so is one that fills the model`() throws {
    let small = try SmallModel(.dense)
    let all = [
      (
        ChoiceQuestion(context: "", choices: ["a", "b"], answer: 0, place: "q line 3"),
        "q line 3: context: found no token"
      ),
      (
        ChoiceQuestion(context: "a", choices: [String(repeating: "b", count: 41), "b"], answer: 0, place: "q line 4"),
        "q line 4: choices: found a choice of 41 tokens, allowed: at most 40"
      ),
    ]
    for (question, message) in all {
      let error = #expect(throws: EvaluationError.self) { try evaluation(small, [question]) }
      let text = "\(try #require(error))"
      #expect(text.contains(message), "\(text)")
    }
  }

  @Test(arguments: [
    (
      "{\"context\": \"a\", \"choices\": [\"b\"], \"answer\": 0}",
      "choices: found [\"b\"], allowed: a list of two texts"
    ),
    ("{\"context\": \"a\", \"choices\": [\"b\", \"\"], \"answer\": 0}", "choices: found"),
    (
      "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 2}",
      "answer: found 2, allowed: the number"
    ),
    ("{\"choices\": [\"b\", \"c\"], \"answer\": 1}", "context: found nothing, allowed: a text"),
    ("{\"context\": ", "found"), ("[]", "context: found nothing"),
  ])
  func `a line that is no question is refused`(line: String, message: String) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "questions-\(UUID().uuidString)").path
    let good = "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 1, \"subject\": \"letters\"}\n\n"
    try Data((good + line + "\n").utf8).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let error = #expect(throws: EvaluationError.self) { try ChoiceQuestion.read(path) }
    let text = "\(try #require(error))"
    #expect(text.contains("\(path) line 3") && text.contains(message), "\(text)")
  }
}

internal import Foundation
internal import JSON

/// A text and several ways to go on, one of which is right.
package struct ChoiceQuestion: Hashable, Sendable {
  package let context: String
  /// What follows the context, blanks included.
  package let choices: [String]
  /// Number of the right choice.
  package let answer: Int
  /// Where it comes from, for messages.
  package let place: String

  package init(context: String, choices: [String], answer: Int, place: String = "question") {
    self.place = place
    self.context = context
    self.choices = choices
    self.answer = answer
  }

  /// The questions of a file, a JSON object a line: `{"context": "…", "choices": ["…", "…"], "answer": 0}`. Other keys may
  /// stand beside these.
  ///
  /// - Throws: ``EvaluationError`` that names the first line that is no question.
  package static func read(_ path: String) throws(EvaluationError) -> [ChoiceQuestion] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw EvaluationError(place: path, found: "no readable file", allowed: "questions, a JSON object a line")
    }
    var questions: [ChoiceQuestion] = []
    for (index, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let text = String(decoding: line, as: UTF8.self)
      guard !text.allSatisfy(\.isWhitespace) else { continue }
      questions.append(try ChoiceQuestion(json: text, place: "\(path) line \(index + 1)"))
    }
    guard !questions.isEmpty else {
      throw EvaluationError(place: path, found: "no line", allowed: "questions, a JSON object a line")
    }
    return questions
  }

  private init(json: String, place: String) throws(EvaluationError) {
    let object: JSONValue
    do {
      object = try JSONValue(json: json, source: place)
    } catch {
      throw EvaluationError(place: place, found: error.found, allowed: error.allowed)
    }
    self.place = place
    func value<Value>(_ key: String, _ allowed: String, _ read: (JSONValue) -> Value?) throws(EvaluationError) -> Value
    {
      guard let value = object[key].flatMap(read) else {
        let found = object[key].map { $0.json(pretty: false) } ?? "nothing"
        throw EvaluationError(place: "\(place): \(key)", found: String(found.prefix(60)), allowed: allowed)
      }
      return value
    }
    context = try value("context", "a text", \.textValue)
    let choices = try value("choices", "a list of two texts or more, none empty") { choices -> [String]? in
      let texts = choices.listValue?.compactMap(\.textValue) ?? []
      let areTexts = texts.count == choices.listValue?.count && texts.count > 1
      return areTexts && texts.allSatisfy { !$0.isEmpty } ? texts : nil
    }
    self.choices = choices
    answer = try value("answer", "the number of a choice, 0 to \(choices.count - 1)") {
      $0.integerValue.flatMap { choices.indices.contains($0) ? $0 : nil }
    }
  }
}

/// What is wrong with what somebody wants to have evaluated.
package struct EvaluationError: Error, Hashable, CustomStringConvertible {
  /// The file and line, or the option.
  package let place: String
  package let found: String
  package let allowed: String

  package init(place: String, found: String, allowed: String) {
    self.place = place
    self.found = found
    self.allowed = allowed
  }

  package var description: String {
    "\(place): found \(found), allowed: \(allowed)".split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}

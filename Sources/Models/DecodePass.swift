internal import TensorCore

/// Portions of sequences that go through a model together.
struct DecodePass {
  /// One sequence's tokens.
  struct Part {
    /// Which of the call's portions they are of.
    let portion: Int
    let sequence: Int
    let ids: [Int32]
    /// Whether they end the portion.
    let isLast: Bool
  }

  /// Whether nothing came before them; all are then equally long and of one chunk size.
  let isBeginning: Bool
  private(set) var parts: [Part] = []

  /// Tokens of each part of a beginning.
  var length: Int { parts.first?.ids.count ?? 0 }
  var ids: [Int32] { parts.flatMap(\.ids) }

  /// Rows of the last token of each part; nil if there are no others.
  func lastRows(_ tape: Tape) -> Tensor? {
    guard parts.contains(where: { $0.ids.count > 1 }) else { return nil }
    var end = 0
    return tape.upload(
      parts.map {
        end += $0.ids.count
        return Int32(end - 1)
      })
  }

  /// - Parameters:
  ///   - size: tokens before the portions of a sequence, and its chunk size.
  ///   - longest: most tokens of a sequence that is not at its beginning.
  static func passes(
    _ portions: [SequenceTokens], longest: Int = .max, size: (_ sequence: Int) -> SequenceSize
  ) -> [DecodePass] {
    var beginnings: [SequenceSize: DecodePass] = [:]
    var order: [SequenceSize] = []
    var later: [DecodePass] = []
    for (index, portion) in portions.enumerated() {
      precondition(!portion.ids.isEmpty, "decode state: no tokens for sequence \(portion.sequence)")
      let before = size(portion.sequence)
      if before.length == 0 {
        let key = SequenceSize(length: portion.ids.count, chunkSize: before.chunkSize)
        if beginnings[key] == nil { order.append(key) }
        beginnings[key, default: DecodePass(isBeginning: true)].parts.append(
          Part(portion: index, sequence: portion.sequence, ids: portion.ids, isLast: true))
        continue
      }
      for (pass, start) in stride(from: 0, to: portion.ids.count, by: longest).enumerated() {
        if pass == later.count { later.append(DecodePass(isBeginning: false)) }
        let ids = portion.ids.dropFirst(start).prefix(longest)
        later[pass].parts.append(
          Part(
            portion: index, sequence: portion.sequence, ids: Array(ids), isLast: ids.endIndex == portion.ids.endIndex))
      }
    }
    return order.compactMap { beginnings[$0] } + later
  }

  /// Runs passes one after the other.
  ///
  /// - Parameter run: gives the hidden state of each part's last token, `[parts, D]`.
  /// - Returns: that of each portion's last token, `[portions, D]`.
  static func run(_ passes: [DecodePass], tape: Tape, _ run: (DecodePass) -> Tensor) -> Tensor {
    let results = passes.map(run)
    if results.count == 1 { return results[0] }
    var sources: [RowSource] = []
    for (pass, result) in zip(passes, results) {
      let rows = pass.parts.indices.filter { pass.parts[$0].isLast }
      guard !rows.isEmpty else { continue }
      let lists = tape.upload([rows.map(Int32.init), rows.map { Int32(pass.parts[$0].portion) }])
      sources.append(RowSource(result, rows: RowSelection(lists[0]), to: RowSelection(lists[1])))
    }
    return tape.assemble(count: passes.reduce(0) { $0 + $1.parts.count(where: \.isLast) }, sources)
  }
}

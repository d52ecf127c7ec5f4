import TensorCore

// The problems that attention is tested on.
extension AttentionCase {
  static let causal = [1, 2, 15, 16, 33, 70].map { AttentionCase(pattern: .causal(length: $0)) }

  static let blocks = [(2, 1), (2, 4), (1, 16), (0, 5), (3, 31)].map {
    AttentionCase(pattern: .blocks(leading: $0.0, length: $0.1), sequenceCount: 3)
  }

  /// Whole chunks, a last chunk with one row, and one that lacks a row.
  static let staircases: [AttentionCase] = [1, 2, 3, 4, 7, 8, 16, 40].flatMap { (chunk: Int) -> [AttentionCase] in
    [3 * chunk, 2 * chunk + 1, 4 * chunk - 1].map { (locals: Int) -> AttentionCase in
      AttentionCase(pattern: .staircase(locals: locals, chunk: chunk), headCount: 4, headWidth: 6)
    }
  }

  /// Several spans of chunks that fill no tile, the last one cut short.
  static let spans = [(100, 7), (70, 17), (90, 30)].map {
    AttentionCase(pattern: .staircase(locals: $0.0, chunk: $0.1), headCount: 4, headWidth: 16, hasNorms: true)
  }

  /// More columns than are handled at a time.
  static let long: [AttentionCase] = [
    .causal(length: 290), .blocks(leading: 2, length: 257), .staircase(locals: 260, chunk: 1),
    .staircase(locals: 300, chunk: 290), .staircase(locals: 131, chunk: 2), .staircase(locals: 135, chunk: 4),
  ].map {
    AttentionCase(pattern: $0, sequenceCount: 1, headCount: 1, keyValueHeadCount: 1, headWidth: 2)
  }

  /// No row of the last chunk, or no rows of chunks at all: the globals outnumber the chunks.
  static let globalsAlone: [AttentionCase] = [(1, 0, 1), (5, 0, 1), (3, 2, 1), (4, 9, 3), (34, 33, 1), (2, 40, 40)].map
  {
    AttentionCase(pattern: .staircase(globals: $0.0, locals: $0.1, chunk: $0.2), headCount: 4, headWidth: 6)
  }

  /// Windows of one row, within and across panels and tiles, wider than the blocks of columns, wider than the sequence.
  static let windows: [AttentionCase] = {
    let sizes = [(1, 1), (5, 2), (33, 1), (40, 16), (70, 7), (70, 17), (100, 33), (20, 20), (20, 90), (0, 3)]
    let long = [(700, 3), (700, 300), (600, 256), (333, 290)]
    return sizes.map { AttentionCase(pattern: .window(length: $0.0, size: $0.1), headCount: 4, headWidth: 6) }
      + long.map {
        AttentionCase(
          pattern: .window(length: $0.0, size: $0.1), sequenceCount: 1, headCount: 1, keyValueHeadCount: 1,
          headWidth: 2)
      } + [AttentionCase(pattern: .window(length: 45, size: 19), headCount: 6, hasNorms: true)]
  }()

  /// Heads of which the first channels alone are turned.
  static let partlyTurned = [(8, 2), (64, 16), (64, 64), (40, 36), (18, 0)].flatMap {
    (width: Int, turned: Int) -> [AttentionCase] in
    [false, true].map {
      AttentionCase(
        pattern: .staircase(globals: 5, locals: 15, chunk: 4), headWidth: width, rotaryWidth: turned, hasNorms: $0)
    }
  }

  static let headWidths = [2, 4, 16, 18, 24, 32, 48, 64, 96, 128].map {
    AttentionCase(
      pattern: .staircase(globals: 4, locals: 21, chunk: 6), sequenceCount: 1, headCount: 2, keyValueHeadCount: 1,
      headWidth: $0, hasNorms: $0 % 4 == 0)
  }

  static let groups = [(1, 1), (3, 1), (6, 2), (4, 4)].map {
    AttentionCase(pattern: .causal(length: 20), headCount: $0.0, keyValueHeadCount: $0.1, hasNorms: true)
  }

  static let withFirstQueriesDropped: [AttentionCase] = [
    .staircase(globals: 5, locals: 37, chunk: 8), .staircase(globals: 1, locals: 3, chunk: 4),
    .staircase(globals: 12, locals: 12, chunk: 1), .staircase(globals: 9, locals: 37, chunk: 8),
    .blocks(leading: 2, length: 7), .blocks(leading: 2, length: 33),
  ].map { AttentionCase(pattern: $0, headCount: 4, dropsFirstQueries: true) }

  static let withNorms: [AttentionCase] = [
    .staircase(globals: 5, locals: 33, chunk: 8), .causal(length: 34), .window(length: 34, size: 11),
    .blocks(leading: 2, length: 9),
  ].flatMap { pattern in
    [false, true].map {
      AttentionCase(
        pattern: pattern, sequenceCount: 4, headCount: 4, dropsFirstQueries: $0, hasNorms: true)
    }
  }

  static let withoutRows: [AttentionCase] = [
    AttentionCase(pattern: .causal(length: 5), sequenceCount: 0, hasNorms: true),
    AttentionCase(pattern: .blocks(leading: 2, length: 3), sequenceCount: 0),
    AttentionCase(pattern: .causal(length: 0), hasNorms: true),
  ]

  static let all: [AttentionCase] = [
    causal, blocks, staircases, long, headWidths, groups, withFirstQueriesDropped, withNorms, withoutRows,
    globalsAlone, windows, partlyTurned, spans,
  ].flatMap { (cases: [AttentionCase]) -> [AttentionCase] in cases }
}

extension AttentionPattern {
  fileprivate static func staircase(locals: Int, chunk: Int) -> AttentionPattern {
    .staircase(globals: (locals - 1) / chunk + 1, locals: locals, chunk: chunk)
  }
}

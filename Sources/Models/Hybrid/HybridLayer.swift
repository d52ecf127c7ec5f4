internal import JSON
internal import Layers
internal import Settings

/// What stands in the place of attention in one layer of a hybrid.
enum HybridLayer: Hashable, Sendable {
  /// Every token sees all before it.
  case dense
  /// Every token sees itself and those before it, `size` in all.
  case window(size: Int)
  /// CAT at a chunk size of its own.
  case cat(chunkSize: Int, innerWidth: Int, headWidth: Int)
  /// CAT at the chunk size of the call.
  case adaptiveCAT(innerWidth: Int, headWidth: Int)

  /// What `type` says.
  enum Kind: String, CaseIterable, Hashable, Sendable {
    case dense
    case window
    case cat
    case adaptiveCAT = "adaptive_cat"
  }

  /// - Parameter shared: what a layer takes where its own mapping is silent.
  init(_ kind: Kind, _ reader: JSONReader, shared: HybridConfig.Shared) throws(JSONError) {
    var fields = Fields(shared)
    try reader.read(Self.keys(of: kind), into: &fields)
    let hasInner = kind == .cat || kind == .adaptiveCAT
    guard !hasInner || (fields.innerWidth % fields.headWidth == 0 && fields.headWidth % 2 == 0) else {
      throw reader.invalid(
        "dim_fx", found: "\(fields.innerWidth)", allowed: "a multiple of head_dim \(fields.headWidth), which is even")
    }
    switch kind {
    case .dense: self = .dense
    case .window: self = .window(size: fields.window)
    case .cat: self = .cat(chunkSize: fields.chunkSize, innerWidth: fields.innerWidth, headWidth: fields.headWidth)
    case .adaptiveCAT: self = .adaptiveCAT(innerWidth: fields.innerWidth, headWidth: fields.headWidth)
    }
  }

  /// Head width of a CAT layer in the authors' reference code, which has no other.
  static let defaultHeadWidth = 64

  var kind: Kind {
    switch self {
    case .dense: .dense
    case .window: .window
    case .cat: .cat
    case .adaptiveCAT: .adaptiveCAT
    }
  }

  /// The layer as an entry of `layers`, nothing left out.
  var setting: JSONValue {
    let type = JSONValue.Entry(key: "type", value: .text(kind.rawValue))
    func inner(_ width: Int, _ headWidth: Int) -> [JSONValue.Entry] {
      [.init(key: "dim_fx", value: .integer(width)), .init(key: "head_dim", value: .integer(headWidth))]
    }
    switch self {
    case .dense:
      return .mapping([type])
    case .window(let size):
      return .mapping([type, .init(key: "window", value: .integer(size))])
    case .cat(let chunkSize, let width, let headWidth):
      return .mapping([type, .init(key: "chunk_size", value: .integer(chunkSize))] + inner(width, headWidth))
    case .adaptiveCAT(let width, let headWidth):
      return .mapping([type] + inner(width, headWidth))
    }
  }

  /// Chunk size at a call's `chunkSize`; nil for a layer without chunks.
  func chunkSize(ofCall chunkSize: Int) -> Int? {
    switch self {
    case .dense, .window: nil
    case .cat(let own, _, _): own
    case .adaptiveCAT: chunkSize
    }
  }

  /// Head width of a CAT layer; nil for others.
  var innerHeadWidth: Int? {
    switch self {
    case .dense, .window: nil
    case .cat(_, _, let headWidth), .adaptiveCAT(_, let headWidth): headWidth
    }
  }
}

package import Settings

extension HybridConfig {
  /// What stands beside `layers` for the entries of these kinds.
  static func sharedKeys(of kinds: [HybridLayer.Kind]) -> [Key<Shared>] {
    var keys: [Key<Shared>] = []
    if kinds.contains(.window) {
      keys.append(
        .integer(
          "sliding_window", \.window, in: 1...(1 << 24),
          "Tokens that a window layer sees, itself and those before it, where its entry is silent."))
    }
    if kinds.contains(.cat) {
      keys.append(
        .integer("chunk_size", \.chunkSize, in: 1...65536, "Chunk size of cat layers whose entry is silent."))
    }
    if kinds.contains(where: { $0 == .cat || $0 == .adaptiveCAT }) {
      keys.append(
        .integer(
          "dim_fx", \.innerWidth, default: .derived("hidden_size, rounded up to a multiple of 64", \.innerWidth),
          in: 2...(1 << 24), "Width inside cat and adaptive_cat layers whose entry is silent: E."))
    }
    if kinds.contains(.adaptiveCAT) {
      keys.append(
        .integer(
          "max_chunk_size", \.maximumChunkSize, in: 1...65536,
          "The largest chunk size that a call may have, in adaptive_cat layers."))
    }
    return keys
  }

  package static var declaration: SectionDeclaration.Kind {
    let layers = KeyDeclaration(
      name: "layers", type: "list of texts or mappings", fallback: .required,
      allowed: "each " + HybridLayer.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        + ", or a mapping with type and sizes of its own",
      sentence:
        "What stands in the place of attention in each layer; a list shorter than num_hidden_layers is repeated.")
    return SectionDeclaration.Kind(
      name: modelType, sentence: "A transformer whose layers are a list: dense, window and CAT attention.",
      keys: [layers] + HybridLayer.declarations + DenseConfig.keys.declarations(DenseConfig()).map(Self.changed)
        + sharedKeys(of: HybridLayer.Kind.allCases).declarations(Shared(hiddenSize: DenseConfig().hiddenSize)),
      ignored: DenseConfig.ignoredFields)
  }

  /// A dense transformer's key as it is here.
  private static func changed(_ key: KeyDeclaration) -> KeyDeclaration {
    guard key.name == "num_hidden_layers" else { return key }
    return KeyDeclaration(
      name: key.name, type: key.type, fallback: .derived("as many as layers has"), allowed: key.allowed,
      sentence: "Layers; a multiple of those listed.")
  }
}

extension HybridLayer {
  /// The fields of an entry of `layers`, `type` aside.
  struct Fields: Sendable {
    var window: Int
    var chunkSize: Int
    var innerWidth: Int
    var headWidth = HybridLayer.defaultHeadWidth

    init(_ shared: HybridConfig.Shared) {
      window = shared.window
      chunkSize = shared.chunkSize
      innerWidth = shared.innerWidth
    }
  }

  static func keys(of kind: Kind) -> [Key<Fields>] {
    let window: Key<Fields> = .integer(
      "window", \.window, default: .derived("model.sliding_window", \.window), in: 1...(1 << 24),
      "Of a window layer: tokens that it sees, itself and those before it.")
    let chunkSize: Key<Fields> = .integer(
      "chunk_size", \.chunkSize, default: .derived("model.chunk_size", \.chunkSize), in: 1...65536,
      "Of a cat layer: its chunk size.")
    let inner: [Key<Fields>] = [
      .integer(
        "dim_fx", \.innerWidth, default: .derived("model.dim_fx", \.innerWidth), in: 2...(1 << 24),
        "Of a cat or adaptive_cat layer: its inner width, a multiple of head_dim."),
      .integer(
        "head_dim", \.headWidth, in: 2...(1 << 24),
        "Of a cat or adaptive_cat layer: its head width, even, at least hidden_size / num_attention_heads."),
    ]
    switch kind {
    case .dense: return []
    case .window: return [window]
    case .cat: return [chunkSize] + inner
    case .adaptiveCAT: return inner
    }
  }

  /// The keys of all entries, as `layers[].type` and so on.
  static var declarations: [KeyDeclaration] {
    let type = KeyDeclaration(
      name: "type", type: "choice", fallback: .required, allowed: Kind.allCases.map(\.rawValue).joined(separator: ", "),
      sentence: "Attention over all tokens before, over a window, CAT at a chunk size of its own, or CAT at the call's."
    )
    let fields = Fields(HybridConfig.Shared(hiddenSize: DenseConfig().hiddenSize))
    return ([type] + (keys(of: .window) + keys(of: .cat)).declarations(fields)).map { $0.inside("layers[]") }
  }
}

package import JSON
internal import Layers
internal import Settings

/// The fields of a transformer whose layers are a list: those of a dense one, and `layers`.
///
/// An entry of `layers` is a type (`dense`, `window`, `cat`, `adaptive_cat`) or a mapping with `type` and sizes of its
/// own; `chunk_size`, `dim_fx` and `sliding_window` beside the list are what entries take that do not say. A list
/// shorter than `num_hidden_layers` is repeated.
package struct HybridConfig: Hashable, Sendable {
  /// Widths of the stream, of dense and window attention, and of the MLPs.
  package let base: DenseConfig
  let layers: [HybridLayer]
  /// M: the largest chunk size of a call; nil without adaptive layers.
  let maximumChunkSize: Int?

  /// What stands beside the list for entries that do not say.
  struct Shared: Sendable {
    var window = 128
    var chunkSize = 16
    var innerWidth: Int
    var maximumChunkSize = 16

    init(hiddenSize: Int) {
      innerWidth = HybridConfig.rounded(hiddenSize)
    }
  }

  package init(_ reader: JSONReader) throws(JSONError) {
    let sections = try reader.sections("layers", textKey: "type")
    guard !sections.isEmpty else { throw reader.invalid("layers", found: "no layers", allowed: "at least one") }
    base = try DenseConfig(reader, defaultLayerCount: sections.count)
    guard base.layerCount % sections.count == 0 else {
      throw reader.invalid(
        "num_hidden_layers", found: "\(base.layerCount)", allowed: "a multiple of the \(sections.count) layers")
    }
    var kinds: [HybridLayer.Kind] = []
    for section in sections { kinds.append(try section.choice("type")) }
    var shared = Shared(hiddenSize: base.hiddenSize)
    try reader.read(Self.sharedKeys(of: kinds), into: &shared)
    maximumChunkSize = kinds.contains(.adaptiveCAT) ? shared.maximumChunkSize : nil
    var listed: [HybridLayer] = []
    for (kind, section) in zip(kinds, sections) {
      let layer = try HybridLayer(kind, section, shared: shared)
      try Self.check(layer, section, base: base)
      listed.append(layer)
    }
    layers = (0..<base.layerCount).map { listed[$0 % listed.count] }
    guard maximumChunkSize ?? 1 <= base.maximumLength else {
      throw reader.invalid(
        "max_chunk_size", found: "\(maximumChunkSize ?? 1)",
        allowed: "at most max_position_embeddings \(base.maximumLength)")
    }
  }

  /// The least multiple of the reference's head width that is as wide as the stream.
  static func rounded(_ width: Int) -> Int {
    (width + HybridLayer.defaultHeadWidth - 1) / HybridLayer.defaultHeadWidth * HybridLayer.defaultHeadWidth
  }

  private static func check(
    _ layer: HybridLayer, _ reader: JSONReader, base: DenseConfig
  ) throws(JSONError) {
    if let chunkSize = layer.chunkSize(ofCall: 1), chunkSize > base.maximumLength {
      throw reader.invalid(
        "chunk_size", found: "\(chunkSize)", allowed: "at most max_position_embeddings \(base.maximumLength)")
    }
    let rotated = base.blockShape.headWidth
    if let headWidth = layer.innerHeadWidth, headWidth < rotated {
      throw reader.invalid(
        "head_dim", found: "\(headWidth)", allowed: "at least hidden_size / num_attention_heads, \(rotated)")
    }
  }
}

extension HybridConfig {
  /// The sizes of the attention in layer `index`; nil if it is no CAT layer.
  func chunkedShape(_ index: Int) -> ChunkedAttentionShape? {
    func shape(_ chunkSize: Int, _ innerWidth: Int, _ headWidth: Int, isAdaptive: Bool) -> ChunkedAttentionShape {
      ChunkedAttentionShape(
        width: base.hiddenSize, innerWidth: innerWidth, headWidth: headWidth, rotaryWidth: base.blockShape.headWidth,
        chunkSize: chunkSize, isAdaptive: isAdaptive, hasHeadNorm: base.hasHeadNorm)
    }
    switch layers[index] {
    case .dense, .window:
      return nil
    case .cat(let chunkSize, let innerWidth, let headWidth):
      return shape(chunkSize, innerWidth, headWidth, isAdaptive: false)
    case .adaptiveCAT(let innerWidth, let headWidth):
      return shape(maximumChunkSize ?? 1, innerWidth, headWidth, isAdaptive: true)
    }
  }

  static func names(_ layer: Int) -> BlockNames { DenseModel.names(layer) }

  static func chunkedNames(_ layer: Int) -> ChunkedAttentionNames {
    ChunkedAttentionNames(prefix: "model.layers.\(layer).cat_attn")
  }
}

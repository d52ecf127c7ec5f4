package import JSON
package import Settings
package import TensorCore

/// Which model, with all of its fields: the `model` section of a run file or a `config.json`.
package struct ModelConfig: Hashable, Sendable {
  /// Every kind of model that there is; the first is what a configuration without `model_type` means.
  private static let kinds = [
    Kind(CATConfig.self),
    Kind(FixedCATConfig.self),
    Kind(HybridConfig.self),
    Kind(DenseConfig.self),
  ]

  private struct Kind: Sendable {
    let modelType: String
    let declaration: SectionDeclaration.Kind
    let read: @Sendable (JSONReader) throws(JSONError) -> any ModelDefinition

    init<Definition: ModelDefinition>(_ definition: Definition.Type) {
      modelType = definition.modelType
      declaration = definition.declaration
      read = { (reader) throws(JSONError) in try Definition(reader) }
    }
  }

  package let definition: any ModelDefinition

  /// Every kind of model, with all keys that it has.
  package static let declaration = SectionDeclaration(
    name: "model", sentence: "The model; a config.json of the same model_type has the same keys.",
    keys: [
      KeyDeclaration(
        name: "model_type", type: "choice", fallback: .value(.text(kinds[0].modelType)), allowed: typeList,
        sentence: "Which kind of model it is.")
    ], kinds: kinds.map(\.declaration))

  /// What `model_type` may say.
  package static var modelTypes: [String] { kinds.map(\.modelType) }

  private static var typeList: String { modelTypes.joined(separator: ", ") }

  package init(_ definition: any ModelDefinition) {
    self.definition = definition
  }

  /// Reads `model_type` and the fields that go with it; refuses fields that the model does not have.
  package init(_ reader: JSONReader) throws(JSONError) {
    let name = try reader.text("model_type", default: Self.kinds[0].modelType)
    guard let kind = Self.kinds.first(where: { $0.modelType == name }) else {
      throw reader.invalid("model_type", found: name, allowed: Self.typeList)
    }
    definition = try kind.read(reader)
  }

  package static func == (a: ModelConfig, b: ModelConfig) -> Bool {
    AnyHashable(a.definition) == AnyHashable(b.definition)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(AnyHashable(definition))
  }
}

extension ModelConfig {
  package var modelType: String { type(of: definition).modelType }
  /// The content of `config.json`.
  package var huggingFace: JSONValue { definition.huggingFace }
  package var vocabularySize: Int { definition.vocabularySize }
  /// Most tokens that a sequence may have.
  package var maximumLength: Int { definition.maximumLength }
  /// Chunk sizes that a call may have; nil if calls have none.
  package var chunkSizes: ClosedRange<Int>? { definition.chunkSizes }
  /// Chunk sizes that training draws from unless told otherwise; `[1]` where calls have none.
  package var defaultChunkSizes: [Int] { definition.defaultChunkSizes }

  /// All parameters in their order in memory, with how their first values are made.
  package func specs(scheme: InitializationScheme) -> [ParameterSpec] { definition.specs(scheme: scheme) }

  /// The model with memory for its weights, not yet initialised.
  ///
  /// - Parameter isTrained: whether there is memory for gradients.
  package func makeModel(isTrained: Bool, backend: any Backend) -> any LanguageModel {
    definition.makeModel(isTrained: isTrained, backend: backend)
  }

  /// The section `model` of a run file that describes this model, as `{model: {…}}`; keys that are null are left out.
  package var section: JSONValue {
    get throws(JSONError) {
      let reader = JSONReader(definition.huggingFace, path: "model")
      _ = try ModelConfig(reader)
      let entries = (reader.resolved.entries ?? []).filter { $0.value != .null }
      return .mapping([JSONValue.Entry(key: "model", value: .mapping(entries))])
    }
  }

  /// The content of `generation_config.json`.
  package var generationConfig: JSONValue {
    let fields = [
      ("bos_token_id", definition.beginID), ("eos_token_id", definition.endID),
      ("pad_token_id", definition.paddingID),
    ]
    return .mapping(
      [JSONValue.Entry(key: "_from_model_config", value: .flag(true))]
        + fields.compactMap { name, id in id.map { JSONValue.Entry(key: name, value: .integer($0)) } })
  }

  /// Bytes of what generation at `chunkSize` keeps for a sequence of `length` tokens, in fp32.
  package func cacheBytes(length: Int, chunkSize: Int) -> Int {
    DType.float32.byteCount * definition.cacheCount(length: length, chunkSize: chunkSize)
  }
}

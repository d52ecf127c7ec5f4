package import JSON
package import Settings
package import TensorCore

/// All that the program asks of one kind of model.
///
/// A new kind conforms in a folder of its own and gets a line in ``ModelConfig/kinds``.
package protocol ModelDefinition: Hashable, Sendable {
  /// What `model_type` says.
  static var modelType: String { get }
  /// What it is, and the keys that it has beside `model_type`.
  static var declaration: SectionDeclaration.Kind { get }

  /// Reads the fields of a `model` section or of a `config.json`, `model_type` aside.
  init(_ reader: JSONReader) throws(JSONError)

  /// The content of `config.json`.
  var huggingFace: JSONValue { get }
  var vocabularySize: Int { get }
  /// Most tokens that a sequence may have.
  var maximumLength: Int { get }
  var beginID: Int? { get }
  var endID: Int? { get }
  var paddingID: Int? { get }
  /// Chunk sizes that a call may have; nil if calls have none.
  var chunkSizes: ClosedRange<Int>? { get }
  /// Chunk sizes that training draws from unless told otherwise; `[1]` where calls have none.
  var defaultChunkSizes: [Int] { get }
  /// A field with which no published implementation of the type holds the model; nil if one does.
  var unpublishedField: String? { get }
  /// The model as its published implementation holds it; of ours alone where there is none.
  var published: PublishedModel { get }
  /// All tensors of the authors' reference code for this kind, in the order of ours.
  var referenceTensors: [ReferenceTensor] { get }

  /// All parameters in their order in memory, with how their first values are made.
  func specs(scheme: InitializationScheme) -> [ParameterSpec]
  /// The model with memory for its weights, not yet initialised.
  func makeModel(isTrained: Bool, backend: any Backend) -> any LanguageModel
  /// The arithmetic of one batch.
  func cost(of batch: BatchShape) -> ModelCost
  /// Numbers that generation at `chunkSize` keeps for a sequence of `length` tokens: keys, values, and what else the
  /// next token needs of those before it.
  func cacheCount(length: Int, chunkSize: Int) -> Int
}

extension ModelDefinition {
  package var chunkSizes: ClosedRange<Int>? { nil }
  package var defaultChunkSizes: [Int] { [1] }
  package var unpublishedField: String? { nil }
  package var published: PublishedModel { PublishedModel(config: huggingFace) }
}

/// A model as a published implementation holds it: what `AutoModelForCausalLM.from_pretrained` loads.
package struct PublishedModel {
  /// The content of `config.json`.
  package let config: JSONValue
  /// Tensors that the published model has and ours does not, all zero; the values of `initialization` do not count.
  package let zeros: [ParameterSpec]
  /// Names of buffers that count something, each one 64-bit integer; zero in a model that was not trained there.
  package let counters: [String]

  package init(config: JSONValue, zeros: [ParameterSpec] = [], counters: [String] = []) {
    self.config = config
    self.zeros = zeros
    self.counters = counters
  }
}

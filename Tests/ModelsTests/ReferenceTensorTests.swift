import Models
import TensorCore
import Testing

/// The names of the authors' reference code for tensors.
struct ReferenceTensorTests {
  /// Models that the reference code can hold: without biases, with a head of their own.
  private static let models: [VariantCase] = VariantCase.drawn.filter {
    $0.fields["qkv_bias"] != true && $0.fields["attention_bias"] != true && $0.fields["tie_word_embeddings"] != true
  }

  @Test(arguments: models)
  func `the reference's tensors hold every parameter once`(of testCase: VariantCase) throws {
    let config = try testCase.config()
    let store = ParameterStore(
      config.specs(scheme: .reference), isTrained: false, backend: BackendKind.fastest.make())
    let tensors = config.definition.referenceTensors
    #expect(Set(tensors.map(\.name)).count == tensors.count)
    // Joining stops the program where parameters do not lie side by side.
    let count = tensors.reduce(0) { $0 + store.joined($1.parameters).count }
    #expect(count == store.count)
    #expect(tensors.flatMap(\.parameters).sorted() == store.specs.map(\.name).sorted())
  }

  @Test func `the adaptive tables have the rows of powers of two`() throws {
    let config = try LiteralCase(chunkSize: 4, length: 8).config()
    let tables = config.referenceTensors.filter { $0.rows != nil }
    #expect(tables.map(\.name).sorted() == ["dummy_fx.weight", "f.adaptive_token.weight"])
    #expect(tables.allSatisfy { $0.rows == [1, 2, 4, 8] })
  }
}

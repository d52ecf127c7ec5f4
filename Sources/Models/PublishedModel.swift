package import Settings
package import TensorCore

/// A model as a published implementation holds it: what `AutoModelForCausalLM.from_pretrained` loads.
package struct PublishedModel {
  /// The content of `config.json`.
  package let config: Setting
  /// Tensors that the published model has and ours does not, all zero; the values of `initialization` do not count.
  package let zeros: [ParameterSpec]

  package init(config: Setting, zeros: [ParameterSpec] = []) {
    self.config = config
    self.zeros = zeros
  }
}

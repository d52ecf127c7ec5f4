package import Settings

/// What a checkpoint holds, to be written.
package struct CheckpointContents {
  /// Becomes `config.json`.
  package var modelConfig: Setting
  /// Becomes `generation_config.json`.
  package var generationConfig: Setting?
  package var weights: [NamedTensor]
  /// Moments of the optimizer; none for a model that is not trained on.
  package var optimizer: [NamedTensor]
  /// Becomes `trainer_state.json`.
  package var state: TrainerState
  /// Content of further files by name, such as a tokenizer's.
  package var extraFiles: [String: [UInt8]]

  package init(
    modelConfig: Setting, generationConfig: Setting? = nil, weights: [NamedTensor], optimizer: [NamedTensor] = [],
    state: TrainerState, extraFiles: [String: [UInt8]] = [:]
  ) {
    self.modelConfig = modelConfig
    self.generationConfig = generationConfig
    self.weights = weights
    self.optimizer = optimizer
    self.state = state
    self.extraFiles = extraFiles
  }
}

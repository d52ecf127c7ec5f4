internal import Checkpoints
internal import Foundation
internal import JSON
internal import Optimizers
package import TensorCore

/// A directory with a reference training run: `train.json`, `train.safetensors`; it begins at a neighbour's weights.
package struct TrajectoryCase {
  private let directory: String
  private let backend: any Backend
  private let settings: JSONValue
  private let reference: SafetensorsFile

  /// Whether `directory` holds a training run rather than a single evaluation.
  package static func exists(in directory: String) -> Bool {
    FileManager.default.fileExists(atPath: directory + "/train.json")
  }

  package init(directory: String, backend: any Backend) throws {
    let source = directory + "/train.json"
    guard let data = FileManager.default.contents(atPath: source) else {
      throw ParityError(directory, "no train.json")
    }
    settings = try JSONValue(json: data, source: source)
    reference = try SafetensorsFile(path: directory + "/train.safetensors")
    self.directory = directory
    self.backend = backend
  }

  /// Makes the run again; compares losses and final weights.
  package func compare() throws -> ParityReport {
    guard let start = settings["init_from"]?.textValue, let rate = settings["lr"]?.numberValue,
      let shape = reference.info("batches")?.shape, shape.count == 3
    else { throw ParityError(directory, "train.json or train.safetensors lack init_from, lr or batches") }
    let neighbour = URL(fileURLWithPath: directory).deletingLastPathComponent().appendingPathComponent(start).path
    let model = try ParityCase(directory: neighbour, backend: backend)
    let optimizer = AdamW(optimizerConfig, parameters: model.model.parameters, backend: backend)
    let ids = try reference.integers("batches").map { Int32($0) }
    let chunkSizes = try reference.integers("chunk_schedule").map { Int($0) }
    let losses = try reference.floats("losses")
    guard chunkSizes.count == shape[0], losses.count == shape[0] else {
      throw ParityError(directory, "train.safetensors: \(shape[0]) batches, \(losses.count) losses")
    }
    var report = ParityReport(directory: directory)
    for step in 0..<shape[0] {
      let batch = Array(ids[step * shape[1] * shape[2]..<(step + 1) * shape[1] * shape[2]])
      let loss = model.shiftedLoss(batch, sampleCount: shape[1], length: shape[2], chunkSize: chunkSizes[step])
      report.add(
        "loss", tensor: "step \(step + 1)", chunkSize: chunkSizes[step], error: abs(loss - Double(losses[step])),
        bound: ParityBounds.loss)
      optimizer.step(rate: rate)
    }
    try compareWeights(model, &report)
    return report
  }

  /// PyTorch's names; what the file does not say is as in a run file.
  private var optimizerConfig: OptimizerConfig {
    var config = OptimizerConfig()
    func take(_ name: String, _ path: WritableKeyPath<OptimizerConfig, Double>) {
      if let value = settings[name]?.numberValue { config[keyPath: path] = value }
    }
    take("lr", \.learningRate)
    take("beta1", \.beta1)
    take("beta2", \.beta2)
    take("eps", \.epsilon)
    take("weight_decay", \.weightDecay)
    take("clip_grad_norm", \.clipNorm)
    return config
  }

  private func compareWeights(_ model: ParityCase, _ report: inout ParityReport) throws {
    let prefix = "final."
    for info in reference.tensors where info.name.hasPrefix(prefix) {
      let name = String(info.name.dropFirst(prefix.count))
      guard let weights = model.model.parameters.optional(name) else {
        throw ParityError(directory, "train.safetensors holds \(name), which the model does not have")
      }
      report.add(
        "weights", tensor: name, chunkSize: nil,
        error: Distance.relativeL2(weights.values, from: try reference.floats(info.name)),
        bound: ParityBounds.weights)
    }
  }
}

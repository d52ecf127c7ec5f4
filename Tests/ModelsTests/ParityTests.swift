import Checkpoints
import JSON
import Models
import Parity
import Settings
import TensorCore
import Testing

/// Logits, losses, gradients, greedy continuations and a training run against the published implementations.
struct ParityTests {
  @Test(arguments: Golden.fixtureCases, BackendKind.cpu)
  func `every fixture agrees with the published implementation`(name: String, on kind: BackendKind) throws {
    try expectParity(ParityCase(directory: "\(Golden.fixtures)/\(name)", backend: kind.make()).compare())
  }

  /// A beginning of one sample: its logits do not hang on what follows, and slow kernels are slow.
  @Test func `the slow kernels agree with the published implementation`() throws {
    let directory = Golden.fixtures + "/tiny"
    let reader = JSONReader(try RunFile(path: directory + "/config.json", overrides: []).root, path: "")
    let backend = BackendKind.reference.make()
    let model = try ModelConfig(reader).makeModel(isTrained: false, backend: backend)
    let weights = try SafetensorsFile(path: directory + "/model.safetensors")
    for spec in model.parameters.specs { model.parameters[spec.name].assign(try weights.floats(spec.name)) }
    let golden = try SafetensorsFile(path: directory + "/golden.safetensors")
    let (length, chunkSize) = (11, 4)
    let ids = try golden.integers("input_ids").prefix(length).map { Int32($0) }
    let logits = model.logits(
      ModelInput(ids: ids, sampleCount: 1, length: length, chunkSize: chunkSize, on: backend),
      tape: Tape(backend: backend, isRecording: false))
    let expected = try golden.floats("logits_c\(chunkSize)").prefix(logits.count)
    expectClose(logits.values, Array(expected), within: 2e-5, "logits")
  }

  @Test(arguments: BackendKind.cpu)
  func `ten updates agree with the published run`(on kind: BackendKind) throws {
    try expectParity(TrajectoryCase(directory: "\(Golden.fixtures)/train_tiny", backend: kind.make()).compare())
  }

  @Test(
    .enabled(if: Golden.isSharedThere, "the reference tensors beside the package are not there"),
    arguments: Golden.sharedCases, BackendKind.cpu)
  func `every reference directory agrees with its implementation`(name: String, on kind: BackendKind) throws {
    try expectParity(ParityCase(directory: "\(Golden.shared)/\(name)", backend: kind.make()).compare())
  }

  private func expectParity(_ report: ParityReport, sourceLocation: SourceLocation = #_sourceLocation) {
    let worst = report.worst.map { row in
      "\(row.quantity) \(row.tensor ?? "") C=\(row.chunkSize.map(String.init) ?? "-"): \(row.error) of \(row.bound)"
    }
    #expect(
      report.holds, "\(report.directory), \(report.rows.count) rows: \(worst.joined(separator: "; "))",
      sourceLocation: sourceLocation)
  }
}

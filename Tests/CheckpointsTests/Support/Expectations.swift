import Checkpoints
import Testing

/// Runs `body` and gives the message of the ``CheckpointError`` that it must throw, which must be one line.
func message(
  sourceLocation: SourceLocation = #_sourceLocation, of body: () throws -> Void
) throws -> String {
  let error = try #require(throws: CheckpointError.self, sourceLocation: sourceLocation) { try body() }
  #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
  return error.description
}

/// What random numbers are for. Streams of one seed are independent of each other.
package enum RandomStream: UInt64, CaseIterable, Sendable {
  case initialWeights = 1
  case chunkSize
  case sampleOrder
  case task
  case generation
  case validation
}

/// Where in the order of samples a run stands.
package struct SampleCursor: Hashable, Sendable {
  /// Passes over the data that are complete.
  package var epoch: Int
  /// Samples of the current pass that are used.
  package var index: Int

  package init(epoch: Int, index: Int) {
    self.epoch = epoch
    self.index = index
  }
}

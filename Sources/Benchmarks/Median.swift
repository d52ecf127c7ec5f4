extension [Double] {
  /// The middle value, of an even number the upper one; not a number if there is none.
  package var median: Double {
    isEmpty ? .nan : sorted()[count / 2]
  }
}

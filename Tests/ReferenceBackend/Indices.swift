package import TensorCore

// Ops and kernels that read lists of indices, given as arrays.

extension Backend {
  package func indices(_ values: [Int32]) -> Tensor { Tensor(indices: values, pool: pool) }

  package func copyRows(of source: Tensor, _ sourceRows: [Int32], to destination: Tensor, _ destinationRows: [Int32]) {
    copyRows(
      of: source, indices(sourceRows), to: destination, indices(destinationRows), count: sourceRows.count)
  }

  package func addRows(of source: Tensor, _ sourceRows: [Int32], to destination: Tensor, _ destinationRows: [Int32]) {
    addRows(
      of: source, indices(sourceRows), to: destination, indices(destinationRows), count: sourceRows.count,
      skipping: nil)
  }

  package func crossEntropy(_ logits: Tensor, targets: [Int32], losses: Tensor, gradientScale: Float?) {
    crossEntropy(logits, targets: indices(targets), losses: losses, gradientScale: gradientScale)
  }
}

extension Tape {
  package func select(_ x: Tensor, rows: [Int32]) -> Tensor {
    select(x, rows: RowSelection(backend.indices(rows)))
  }

  package func source(_ tensor: Tensor, rows: [Int32], to destinationRows: [Int32], frozenRow: Int32? = nil)
    -> RowSource
  {
    RowSource(
      tensor, rows: RowSelection(backend.indices(rows)), to: RowSelection(backend.indices(destinationRows)),
      frozenRow: frozenRow)
  }

  package func headLoss(
    _ hidden: Tensor, weight: Tensor, targets: [Int32], gradientScale: Float, countsCorrect: Bool = false
  ) -> HeadResult {
    headLoss(
      hidden, weight: weight, targets: backend.indices(targets), gradientScale: gradientScale,
      countsCorrect: countsCorrect)
  }
}

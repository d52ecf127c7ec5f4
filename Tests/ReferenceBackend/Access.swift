internal import TensorCore

extension Tensor {
  /// Element `index` in row-major order.
  subscript(index: Int) -> Double {
    get {
      precondition(index >= 0 && index < count, "element \(index) of \(shape)")
      return dtype == .float64 ? doubleElements[index] : Double(elements[index])
    }
    nonmutating set {
      precondition(index >= 0 && index < count, "element \(index) of \(shape)")
      if dtype == .float64 { doubleElements[index] = newValue } else { elements[index] = Float(newValue) }
    }
  }

  /// Element `column` of entry `row` of the first dimension.
  subscript(row: Int, column: Int) -> Double {
    get { self[row * rowWidth + column] }
    nonmutating set { self[row * rowWidth + column] = newValue }
  }

  /// `columns` of entry `row` of the first dimension.
  subscript(row: Int, columns: Range<Int>) -> [Double] {
    get { columns.map { self[row, $0] } }
    nonmutating set {
      precondition(newValue.count == columns.count, "\(newValue.count) values for \(columns.count) columns")
      for (column, value) in zip(columns, newValue) { self[row, column] = value }
    }
  }

  /// Entry `row` of the first dimension.
  subscript(row row: Int) -> [Double] {
    get { self[row, 0..<rowWidth] }
    nonmutating set { self[row, 0..<rowWidth] = newValue }
  }
}

extension Matrix {
  /// The element at a row and column of memory, whether or not the view is transposed.
  subscript(row: Int, column: Int) -> Double {
    get {
      precondition(row >= 0 && row < rowCount && column >= 0 && column < columnCount, "element \(row), \(column)")
      return Double(elements[row * stride + column])
    }
    nonmutating set {
      precondition(row >= 0 && row < rowCount && column >= 0 && column < columnCount, "element \(row), \(column)")
      elements[row * stride + column] = Float(newValue)
    }
  }
}

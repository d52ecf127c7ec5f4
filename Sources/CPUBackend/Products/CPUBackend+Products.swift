internal import CKernels
internal import COpenBLAS
package import TensorCore

extension CPUBackend {
  /// The processor that OpenBLAS took its kernels for; results depend on it in the last bits.
  package static var blasCoreName: String { unsafe String(cString: openblas_get_corename()) }

  /// A processor whose kernels fit this one, where OpenBLAS chose those of one without AVX2 that has it: it takes a
  /// processor that is newer than itself for a very old one, and is then some four times slower. Nil: it chose well.
  ///
  /// - Parameter name: what ``blasCoreName`` says.
  package static func betterBLASCore(than name: String, at level: InstructionLevel) -> String? {
    let cores = [
      "Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Sandybridge", "Atom", "Nano", "Athlon", "Opteron",
      "Opteron(SSE3)", "Barcelona", "Bobcat", "Bulldozer", "Piledriver", "Steamroller",
    ]
    guard cores.contains(name) else { return nil }
    switch level {
    case .baseline: return nil
    case .avx2: return "Haswell"
    case .avx512, .avx512BFloat16, .amxBFloat16: return "SkylakeX"
    }
  }

  package func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, scale: Float, accumulate: Bool) {
    precondition(!accumulate || c.dtype == .float32, "multiply: added to \(c.dtype)")
    precondition(
      precision == .bfloat16 || [a, b, c].allSatisfy { $0.dtype == .float32 },
      "multiply: operands of bfloat16 in single precision")
    let product = Product(a, b, into: c, scale: scale, accumulate: accumulate)
    guard product.rowCount > 0, product.columnCount > 0 else { return }
    // A sum of nothing.
    guard product.depth > 0 else { return accumulate ? () : product.clear() }
    guard precision == .float32 else { return multiplyRounded(product) }
    let panels = product.panels(threadCount: threadCount)
    workers.run(taskCount: panels.count) { product.compute(panels[$0], kernels: kernels) }
  }
}

/// One matrix product as BLAS wants it: `c [m, n] = scale · a [m, k] · b [k, n] (+ c)`, row-major.
struct Product {
  /// A part of `c`.
  struct Panel {
    var rows: Range<Int>
    var columns: Range<Int>
  }

  /// A matrix in memory, perhaps read as its transpose.
  @safe struct Operand {
    let address: UnsafeMutableRawPointer
    let dtype: DType
    let stride: Int
    let isTransposed: Bool

    init(_ matrix: Matrix) {
      unsafe address = unsafe matrix.rawAddress
      dtype = matrix.dtype
      // One row may have any stride, and BLAS insists on one that is wide enough.
      stride = max(1, matrix.stride, matrix.columnCount)
      isTransposed = matrix.isTransposed
    }

    var transposition: CBLAS_TRANSPOSE { isTransposed ? CblasTrans : CblasNoTrans }

    /// Address of an element of the view.
    func element(_ row: Int, _ column: Int) -> UnsafeMutableRawPointer {
      unsafe address + dtype.byteCount * (isTransposed ? column * stride + row : row * stride + column)
    }

    /// The same in single precision.
    func value(_ row: Int, _ column: Int) -> UnsafeMutablePointer<Float> {
      unsafe element(row, column).assumingMemoryBound(to: Float.self)
    }
  }

  /// Floating-point operations below which waking another thread costs more than it saves.
  private static let smallestSharedWork = 1_000_000
  /// Threads from which on some are likely to be slower than others.
  private static let manyThreads = 8
  /// Parts of a large product for each of many threads.
  private static let partsPerThread = 4
  /// Operations of the smallest part that is worth its packing.
  private static let smallestPart = 120_000_000
  /// Rows up to which the kernel for few rows is the faster one.
  private static let fewRows = 8
  /// Panels begin at multiples of this, the widest register tile of BLAS.
  private static let grain = 16

  let rowCount: Int
  let columnCount: Int
  let depth: Int
  let scale: Float
  let accumulate: Bool
  let a: Operand
  let b: Operand
  let c: Operand

  init(_ a: Matrix, _ b: Matrix, into c: Matrix, scale: Float, accumulate: Bool) {
    let (m, depth) = a.isTransposed ? (a.columnCount, a.rowCount) : (a.rowCount, a.columnCount)
    let (otherDepth, n) = b.isTransposed ? (b.columnCount, b.rowCount) : (b.rowCount, b.columnCount)
    precondition(
      !c.isTransposed && depth == otherDepth && m == c.rowCount && n == c.columnCount,
      "multiply: \(m) × \(depth) by \(otherDepth) × \(n) into \(c.rowCount) × \(c.columnCount)")
    let largest = max(m, n, depth, a.stride, b.stride, c.stride)
    precondition(largest <= Int(Int32.max), "multiply: size \(largest), BLAS takes at most \(Int32.max)")
    self.rowCount = m
    self.columnCount = n
    self.depth = depth
    self.scale = scale
    self.accumulate = accumulate
    self.a = Operand(a)
    self.b = Operand(b)
    self.c = Operand(c)
  }

  /// A grid of parts of about equal size: of the grids with as many parts the one whose parts need the fewest rows of
  /// `a` and columns of `b` together, since each part packs what it needs. Large products have several parts for each of
  /// many threads, so that a thread on a slower core takes fewer. The depth is never divided, so that the order of sums stays.
  func panels(threadCount: Int) -> [Panel] {
    guard isShared(among: threadCount) else { return [Panel(rows: 0..<rowCount, columns: 0..<columnCount)] }
    let operations = 2 * rowCount * columnCount * depth
    let isLarge =
      threadCount >= Self.manyThreads && operations >= threadCount * Self.partsPerThread * Self.smallestPart
    let count = isLarge ? threadCount * Self.partsPerThread : threadCount
    let grids = (1...count).filter { count.isMultiple(of: $0) }.map { (rows: $0, columns: count / $0) }
    guard let grid = grids.min(by: { packedLines($0) < packedLines($1) }) else { return [] }
    let columns = Self.parts(of: columnCount, count: grid.columns)
    return Self.parts(of: rowCount, count: grid.rows).flatMap { rows in
      columns.map { Panel(rows: rows, columns: $0) }
    }
  }

  /// Lines of `a` and `b` that a part of a grid needs.
  private func packedLines(_ grid: (rows: Int, columns: Int)) -> Int {
    (rowCount + grid.rows - 1) / grid.rows + (columnCount + grid.columns - 1) / grid.columns
  }

  /// Whether there is enough work for more than one thread.
  func isShared(among threadCount: Int) -> Bool {
    threadCount > 1 && 2 * rowCount * columnCount * depth >= Self.smallestSharedWork
  }

  private static func parts(of length: Int, count: Int) -> [Range<Int>] {
    let grains = (length + grain - 1) / grain
    let bounds = (0...count).map { min(length, $0 * grains / count * grain) }
    return zip(bounds, bounds.dropFirst()).filter { $0 < $1 }.map { $0..<$1 }
  }

  func compute(_ panel: Panel, kernels: ck_kernels) {
    let (rows, columns) = (panel.rows.count, panel.columns.count)
    let aStart = unsafe a.value(panel.rows.lowerBound, 0)
    let bStart = unsafe b.value(0, panel.columns.lowerBound)
    let target = unsafe c.value(panel.rows.lowerBound, panel.columns.lowerBound)
    if hasFewRows {
      unsafe kernels.multiply_few_rows(
        aStart, a.stride, rows, bStart, b.stride, columns, depth, scale, accumulate ? 1 : 0, target, c.stride)
    } else {
      unsafe cblas_sgemm(
        CblasRowMajor, a.transposition, b.transposition, Int32(rows), Int32(columns), Int32(depth), scale, aStart,
        Int32(a.stride), bStart, Int32(b.stride), accumulate ? 1 : 0, target, Int32(c.stride))
    }
  }

  /// Whether this is a few rows by a weight matrix as it lies in memory, where BLAS spends its time on repacking that.
  private var hasFewRows: Bool { rowCount <= Self.fewRows && !a.isTransposed && b.isTransposed }

  /// Makes `c` zero, of whatever type.
  func clear() {
    for row in 0..<rowCount {
      unsafe c.element(row, 0).initializeMemory(as: UInt8.self, repeating: 0, count: columnCount * c.dtype.byteCount)
    }
  }
}

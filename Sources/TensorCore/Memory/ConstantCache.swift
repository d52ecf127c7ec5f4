/// How a list of indices is made, which is also what a backend knows it by once it has it.
package protocol IndexRecipe: Hashable, Sendable {
  func makeIndices() -> [Int32]
}

/// Indices in equal runs: `start + outer · stride + inner` for each `outer` below `runCount` and each `inner` below
/// `length`. With a stride of 0 every run is the same.
package struct IndexRuns: IndexRecipe {
  package var start: Int
  package var stride: Int
  package var runCount: Int
  package var length: Int

  package init(start: Int = 0, stride: Int, runCount: Int, length: Int = 1) {
    self.start = start
    self.stride = stride
    self.runCount = runCount
    self.length = length
  }

  /// One index again and again.
  package init(repeating index: Int, count: Int) {
    self.init(start: index, stride: 0, runCount: count)
  }

  package func makeIndices() -> [Int32] {
    (0..<runCount).flatMap { outer in (0..<length).map { Int32(start + outer * stride + $0) } }
  }
}

/// Lists of indices that kernels read call after call, kept in a backend's memory: made once for each recipe.
///
/// Their memory comes from a pool of their own, for they outlive the passes whose memory is taken and given back between.
package final class ConstantCache {
  private struct Entry {
    let tensor: Tensor
    var lastUse: Int
  }

  /// Beyond so many, the list that was not used for the longest time goes.
  private static let capacity = 4096

  private let pool: StoragePool
  private var entries: [AnyHashable: Entry] = [:]
  private var useCount = 0

  package init(_ memory: any DeviceMemory) {
    pool = StoragePool(memory)
  }

  /// Bytes that the lists take.
  package var byteCount: Int { pool.statistics.heldBytes }

  /// `[n]`, of ``DType/int32``.
  package func indices(_ recipe: some IndexRecipe) -> Tensor {
    useCount += 1
    let key = AnyHashable(recipe)
    if let tensor = entries[key]?.tensor {
      entries[key]?.lastUse = useCount
      return tensor
    }
    if entries.count >= Self.capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
      entries[oldest.key] = nil
    }
    let tensor = Tensor(indices: recipe.makeIndices(), pool: pool)
    entries[key] = Entry(tensor: tensor, lastUse: useCount)
    return tensor
  }
}

extension Tape {
  /// `[n]`, indices of this call alone.
  package func upload(_ indices: [Int32]) -> Tensor { Tensor(indices: indices, pool: backend.pool) }

  /// Lists of indices of this call alone, which go to the backend together.
  package func upload(_ lists: [[Int32]]) -> [Tensor] {
    let all = upload(lists.flatMap { $0 })
    var start = 0
    return lists.map { list in
      defer { start += list.count }
      return all.rows(start..<start + list.count)
    }
  }

  /// `[n]`, the indices that `recipe` makes.
  package func indices(_ recipe: some IndexRecipe) -> Tensor {
    indicesRecur ? backend.constants.indices(recipe) : upload(recipe.makeIndices())
  }
}

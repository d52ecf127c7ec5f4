import Models
import Training

/// The option `--chunk-sizes`: a comma-separated list, checked against the model.
enum ChunkSizeOption {
  /// - Returns: the sizes given; those of the run; or powers of two. One entry for a model without chunks.
  static func parse(_ text: String?, model: ModelConfig, run: RunConfig?) throws -> [Int] {
    guard let allowed = model.chunkSizes else { return [1] }
    guard let text else { return run?.train.chunks.sizes ?? powersOfTwo(allowed) }
    return try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let size = Int(part), allowed.contains(size) else {
        throw UserError("--chunk-sizes: found \(part), allowed: \(allowed.lowerBound) to \(allowed.upperBound)")
      }
      return size
    }
  }

  private static func powersOfTwo(_ allowed: ClosedRange<Int>) -> [Int] {
    (0..<Int.bitWidth - 1).map { 1 << $0 }.filter { allowed.contains($0) }
  }
}

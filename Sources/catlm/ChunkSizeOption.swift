import Models

/// The options `--chunk-size` and `--chunk-sizes`, checked against the model.
enum ChunkSizeOption {
  /// - Returns: the sizes given, comma-separated; those of the run; or the model's own. One entry for a model without
  ///   chunks.
  static func parse(_ text: String?, model: ModelConfig, run: CheckpointLocation.Run?) throws -> [Int] {
    guard let text else { return run?.chunkSizes ?? model.defaultChunkSizes }
    return try IntegerList.parts(text).map {
      try checked(String($0), option: "--chunk-sizes", model: model)
    }
  }

  /// - Returns: the size given, or the largest that the model has.
  static func parse(_ size: Int?, model: ModelConfig) throws -> Int {
    guard let size else { return model.chunkSizes?.upperBound ?? 1 }
    return try checked("\(size)", option: "--chunk-size", model: model)
  }

  private static func checked(_ text: String, option: String, model: ModelConfig) throws -> Int {
    guard let allowed = model.chunkSizes else {
      throw UserError("\(option): found \(text), allowed: nothing, the model has no chunks")
    }
    guard let size = Int(text), allowed.contains(size) else {
      throw UserError("\(option): found \(text), allowed: \(allowed.lowerBound) to \(allowed.upperBound)")
    }
    return size
  }
}

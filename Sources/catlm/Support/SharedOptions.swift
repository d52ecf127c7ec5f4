import ArgumentParser
import CPUBackend
import Foundation
import Models
import Parallel
import Telemetry
import TensorCore

/// The option `--threads`.
struct ThreadsOption: ParsableArguments {
  @Option(help: "Threads of a process; by default its share of the cores.")
  var threads: Int?

  func validate() throws {
    try OptionCheck.require("--threads", threads, in: 1...1024)
    guard let threads, threads > Host.coreCount, ProcessGroups.isFirstRank else { return }
    FileHandle.standardError.write(Data("catlm: --threads: \(Host.crowding(threads, rankCount: 1))\n".utf8))
  }

  var count: Int { threads ?? Host.coreCount }
}

/// The option `--precision`.
struct PrecisionOption: ParsableArguments {
  @Option(help: "float32 or bfloat16: what the operands of matrix products are rounded to.")
  var precision = ProductPrecision.float32

  /// What a result was measured with, in words.
  var text: String { "products in \(precision.rawValue)" }

  /// Says so when the precision gains nothing on this processor.
  func warnIfSlow() {
    guard let reason = Host.slowness(of: precision, at: .highest(for: precision)) else { return }
    Console.standardError.print("catlm: --precision \(precision.rawValue): \(reason)")
  }
}

extension ProductPrecision: ExpressibleByArgument {}

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

  /// - Parameter place: where the size was found, for messages.
  static func parse(_ size: Int, place: String, model: ModelConfig) throws -> Int {
    try checked("\(size)", option: "\(place): chunk_size", model: model)
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

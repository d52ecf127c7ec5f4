import TensorCore

@testable import CUDABackend

/// All kernels with the constants that the program compiles them with, for checks that need no GPU.
enum KernelCatalogue {
  /// Every kernel of every pattern with heads of 64; for Hopper also with heads of other widths.
  static func sources(architecture: String) -> [KernelSource] {
    attention(AttentionKind.allCases, headWidth: 64) + plain + rows
      + (architecture == "sm_90a"
        ? [32, 128].flatMap { attention([.staircase], headWidth: $0) } : [])
  }

  /// Operations of one product over the score entries that a call needs, and over those that each kernel computes.
  static func operations(_ shape: AttentionShape) -> (needed: Double, computed: [String: Double]) {
    let (work, kind) = (AttentionWork(shape), AttentionKind(shape.pattern))
    let computed = AttentionPart.allCases.map { part in
      let tiles = AttentionTiles.best(part, kind: kind, headWidth: shape.headWidth)
      return (part.kernelName, work.tileOperations(part, tiles))
    }
    return (work.operations, Dictionary(uniqueKeysWithValues: computed))
  }

  private static let types = [DeviceType.bfloat16, .float32].map(\.sourceName)

  private static func attention(_ kinds: [AttentionKind], headWidth: Int) -> [KernelSource] {
    kinds.flatMap { kind in
      AttentionPart.allCases.map { part in
        AttentionTiles.best(part, kind: kind, headWidth: headWidth).source(part, kind: kind, headWidth: headWidth)
      }
    }
  }

  private static var plain: [KernelSource] {
    AttentionKind.allCases.flatMap { kind in
      [("AttentionPlain.cu", "float"), ("Rotation.cu", "bf16"), ("RotationPlain.cu", "float")].map { file, type in
        KernelSource(
          file, ["PATTERN": kind.rawValue, "HEAD_WIDTH": "64", "ROTARY_WIDTH": "48", "ACTIVATION": type])
      }
    } + [
      KernelSource("Rotation.cu", ["PATTERN": "staircase", "HEAD_WIDTH": "64", "ACTIVATION": "float"]),
      KernelSource("AttentionPlain.cu", ["PATTERN": "blocks", "HEAD_WIDTH": "24", "ACTIVATION": "bf16"]),
      KernelSource("CachedAttention.cu", ["HEAD_WIDTH": "64", "ROTARY_WIDTH": "64"]),
      KernelSource("CachedAttention.cu", ["HEAD_WIDTH": "24", "ROTARY_WIDTH": "16"]),
    ]
  }

  private static var rows: [KernelSource] {
    types.flatMap { type in
      ["SwiGLU.cu", "CrossEntropy.cu", "Random.cu", "Plain.cu"].map { KernelSource($0, ["ACTIVATION": type]) }
        + [768, 1536].map {
          KernelSource(
            "Norm.cu", ["WIDTH": "\($0)", "RESIDUAL": "float", "DELTA": "float", "ACTIVATION": type])
        } + [KernelSource("Product.cu", ["OPERAND": type, "RESULT": "float"])]
    } + ["ColumnSums.cu", "Elements.cu", "Rows.cu", "Sums.cu", "Update.cu"].map { KernelSource($0) }
  }
}

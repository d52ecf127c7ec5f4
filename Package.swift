// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] =
  Context.environment["CATLM_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// The MPI library to build with: Open MPI, or MPICH with `CATLM_MPI=mpich`. Their binaries do not mix, so that each needs
/// a build, and a launcher, of its own.
let mpi: Target =
  switch Context.environment["CATLM_MPI"] ?? "openmpi" {
  case "openmpi": .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])])
  case "mpich": .systemLibrary(name: "CMPICH", pkgConfig: "mpich", providers: [.apt(["libmpich-dev"])])
  case let other: preconditionFailure("CATLM_MPI: found \(other), allowed: openmpi, mpich")
  }

/// Modules where the compiler does not yet ask for `unsafe` before what it cannot prove safe.
let unmarked = ["CUDABackend", "Telemetry", "TensorCore", "TokenData", "Training"]

/// A Swift module of the program with the settings that all of them share.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies,
    swiftSettings: strict + (unmarked.contains(name) ? [] : [.strictMemorySafety()]))
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// What the compiler embeds, and the package manager is not to see.
let cudaSources =
  ["Prelude", "Tiles", "AttentionCall", "Heads", "Positions"].map { "\($0).cuh" }
  + [
    "AttentionForward", "AttentionQueryGradient", "AttentionKeyGradient", "AttentionPlain", "Rotation", "Norm",
    "ColumnSums", "SwiGLU", "CrossEntropy", "Rows", "Update", "Random", "Elements", "Sums", "Plain", "RotationPlain",
    "CachedAttention", "Product",
  ].map { "\($0).cu" }

let package = Package(
  name: "catlm",
  products: [
    .executable(name: "catlm", targets: ["catlm"]),
    // What tests open in the place of CUDA's libraries.
    .library(name: "FakeCUDA", type: .dynamic, targets: ["FakeCUDA"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // C: every call returns its code, no mpi.h in Swift, one kernel body per instruction set.
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-pthread-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    mpi,
    .target(name: "CMPI", dependencies: [.byName(name: mpi.name)]),
    .target(name: "CKernels"),
    .target(name: "CMappedFiles"),
    // CUDA's libraries, opened when a GPU is wanted; the kernels' sources, compiled where the program runs.
    .target(name: "CCUDA"),
    .target(name: "CUDASources", exclude: cudaSources),

    // Foundations.
    module("HalfPrecision"),
    module("Randomness"),
    module("JSON"),
    module("Settings", ["JSON", "Yams"]),
    module("MappedFiles", ["CMappedFiles"]),
    module("TensorCore"),
    module("CPUBackend", ["TensorCore", "CKernels", "COpenBLAS"]),
    module("CUDABackend", ["TensorCore", "CCUDA", "CUDASources", "COpenSSL", "HalfPrecision", "Randomness"]),

    // The model and its update.
    module("Layers", ["TensorCore"]),
    module("Models", ["Layers", "TensorCore", "JSON", "Settings", "Randomness"]),
    module("Optimizers", ["TensorCore", "JSON", "Settings"]),

    // What surrounds a step.
    module("Tokenizers", ["JSON"]),
    module("Corpus", ["CZlib", "CZstd"]),
    module("TokenData", ["Corpus", "MappedFiles", "JSON", "Settings", "Randomness", "Tokenizers"]),
    module("Checkpoints", ["COpenSSL", "HalfPrecision", "MappedFiles", "JSON"]),
    module("Parallel", ["CMPI", "HalfPrecision", "TensorCore"]),
    module("Telemetry", ["JSON", .product(name: "Logging", package: "swift-log")]),
    module("ModelIO", ["Checkpoints", "Models", "JSON", "TensorCore"]),
    module(
      "Evaluation",
      ["Generation", "Models", "Parallel", "Randomness", "JSON", "TensorCore", "TokenData", "Tokenizers"]),
    module("Generation", ["Models", "TensorCore", "Randomness", "Tokenizers"]),
    module("MemoryPlans", ["Models", "Optimizers", "Parallel", "Telemetry", "TensorCore"]),
    module("Report", ["JSON", "Settings", "Telemetry"]),
    module(
      "Parity",
      ["Checkpoints", "Generation", "ModelIO", "Models", "Optimizers", "JSON", "TensorCore"]),
    module(
      "Benchmarks",
      [
        "Checkpoints", "Layers", "MemoryPlans", "Models", "Optimizers", "Parallel", "Randomness", "JSON",
        "Telemetry", "TensorCore", "TokenData", "Training", .product(name: "Logging", package: "swift-log"),
      ]),
    module(
      "Training",
      [
        "Checkpoints", "Evaluation", "Generation", "MemoryPlans", "ModelIO", "Models", "Optimizers", "Parallel",
        "Randomness", "JSON", "Settings", "Telemetry", "TensorCore", "TokenData", "Tokenizers",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "catlm",
      dependencies: [
        "Benchmarks", "CPUBackend", "CUDABackend", "Checkpoints", "Corpus", "Evaluation", "Generation", "MemoryPlans",
        "ModelIO", "Models", "Parallel", "Parity", "Report", "JSON", "Settings", "Telemetry", "TensorCore", "TokenData",
        "Tokenizers", "Training",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),

    // Tests. ReferenceBackend holds the slow kernels that the fast ones are compared with.
    .target(
      name: "ReferenceBackend", dependencies: ["TensorCore"], path: "Tests/ReferenceBackend",
      swiftSettings: strict),
    // A backend whose memory the host cannot reach, as on a device.
    .target(
      name: "HiddenBackend", dependencies: ["CPUBackend", "TensorCore"], path: "Tests/HiddenBackend",
      swiftSettings: strict),
    // A driver, compiler and matrix products without a GPU: they record calls and compute nothing.
    .target(name: "FakeCUDA", path: "Tests/FakeCUDA"),
    // What breaks disks and checkpoints on purpose, for the tests and for the suite that launch/faults runs.
    .target(
      name: "FaultSupport", dependencies: ["Checkpoints", "JSON"], path: "Tests/FaultSupport",
      swiftSettings: strict),
    // The formats' rules written down a second time, for whatever mutates files.
    .target(
      name: "ParserOracles",
      dependencies: ["Checkpoints", "FaultSupport", "JSON", "Settings", "TokenData", "Tokenizers", "Training"],
      path: "Tests/ParserOracles", swiftSettings: strict),
    .executableTarget(
      name: "faults",
      dependencies: [
        "CPUBackend", "Checkpoints", "FaultSupport", "Models", "Optimizers", "Parallel", "ParserOracles", "JSON",
        "Settings",
        "TensorCore", "Training", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Faults", swiftSettings: strict),
    tests("JSONTests", ["JSON", "Settings"]),
    tests("SettingsTests", ["JSON", "Settings"]),
    tests("TokenizersTests", ["Tokenizers", "JSON"]),
    tests("CorpusTests", ["Corpus"]),
    tests("TokenDataTests", ["Corpus", "TokenData", "Tokenizers", "JSON", "Settings", "Randomness"]),
    tests("TensorCoreTests", ["TensorCore", "ReferenceBackend", "CPUBackend"]),
    tests("CPUBackendTests", ["CPUBackend", "TensorCore", "ReferenceBackend"]),
    tests(
      "CUDABackendTests",
      ["CUDABackend", "CUDASources", "CPUBackend", "Models", "Optimizers", "TensorCore"]),
    tests(
      "ModelsTests",
      [
        "Checkpoints", "CPUBackend", "Generation", "Layers", "Models", "Optimizers", "Parity", "Randomness",
        "ReferenceBackend", "JSON", "Settings", "TensorCore",
      ]),
    tests(
      "ModelIOTests", ["CPUBackend", "Checkpoints", "FaultSupport", "ModelIO", "Models", "JSON", "TensorCore"]),
    tests("CheckpointsTests", ["Checkpoints", "FaultSupport", "JSON"]),
    tests("ParallelTests", ["CPUBackend", "Parallel", "TensorCore"]),
    tests("TelemetryTests", ["Telemetry", "JSON", .product(name: "Logging", package: "swift-log")]),
    tests(
      "TrainingTests",
      [
        "Training", "TensorCore", "CPUBackend", "MemoryPlans", "ModelIO", "Models", "JSON", "Settings", "TokenData",
        "Parallel",
        "Optimizers", "Checkpoints", "Evaluation", "Generation", "HiddenBackend", "ReferenceBackend", "Telemetry",
        .product(name: "Logging", package: "swift-log"),
      ]),
    tests(
      "EvaluationTests",
      [
        "CPUBackend", "Evaluation", "HiddenBackend", "Models", "Parallel", "Randomness", "JSON", "TensorCore",
        "TokenData", "Tokenizers",
      ]),
    tests("BenchmarksTests", ["Benchmarks", "CPUBackend", "JSON", "TensorCore"]),
    tests("ReportTests", ["Report", "JSON"]),
    tests("CommandTests", ["FaultSupport", "JSON", "Settings"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20
)

// libFuzzer on the parsers. Apart from the rest: it links with what launch/fuzz passes to the build, and else not.
if Context.environment["CATLM_FUZZ"] != nil {
  package.targets += [
    .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["CFuzzer", "FaultSupport", "ParserOracles"], path: "Tests/Fuzz/Parsers",
      swiftSettings: strict),
  ]
}

import ArgumentParser
import CPUBackend
import CUDABackend
import Foundation
import MemoryPlans
import Parallel
import Telemetry
import TensorCore

/// The option `--device`.
struct DeviceOption: ParsableArguments {
  enum Choice: String, CaseIterable, ExpressibleByArgument {
    case auto, cpu, cuda
  }

  @Option(help: "auto, cpu or cuda: where the work is done; auto takes a GPU if there is one, and says so.")
  var device = Choice.auto
}

/// What a rank computes with: the processor's cores, or a GPU.
enum ComputeDevice {
  case processor(InstructionLevel?)
  case gpu(ordinal: Int)

  // MARK: Choice

  /// The device that was asked for, of a program that is alone.
  static func chosen(_ choice: DeviceOption.Choice) throws -> ComputeDevice {
    try chosen(choice, in: SoloGroup()) { nil }
  }

  /// The kind of device that was asked for, the same on all ranks, which all call it. A rank's GPU is the one of its number
  /// among the ranks of its machine; where those are more than GPUs, they share them.
  ///
  /// - Parameter level: instructions of the processor, if it is to be that; nil for the highest.
  static func chosen(
    _ choice: DeviceOption.Choice, in group: any ProcessGroup, level: () throws -> InstructionLevel?
  ) throws -> ComputeDevice {
    let ordinal = try Ranks.prepare(on: group) { try ownOrdinal(choice, in: group) }
    let found = try group.allGather(ordinal.map(String.init) ?? "none")
    guard let ordinal, !found.contains("none") else {
      if ordinal != nil, group.rank == 0 {
        Console.standardError.print("catlm: --device auto: some ranks have no GPU, and all use their processors")
      }
      return .processor(try level())
    }
    return .gpu(ordinal: ordinal)
  }

  /// This rank's GPU; nil for its processor.
  private static func ownOrdinal(_ choice: DeviceOption.Choice, in group: any ProcessGroup) throws -> Int? {
    guard choice != .cpu else { return nil }
    do {
      let count = try CUDADevice.count()
      guard count > 0 else { throw CUDAError.unavailable("the CUDA driver finds none") }
      return (HostReport(of: group).localRank ?? 0) % count
    } catch let error as CUDAError where choice == .auto {
      // A machine without a driver has no GPU; one that has it lacks something else.
      if !"\(error)".contains("the CUDA driver") {
        Console.standardError.print("catlm: --device auto: the processor is used (\(error))")
      }
      return nil
    }
  }

  // MARK: Backends

  func makeBackend(threadCount: Int, precision: ProductPrecision = .float32) throws -> any Backend {
    switch self {
    case .processor(let level): Host.makeBackend(threadCount: threadCount, precision: precision, level: level)
    case .gpu(let ordinal): try CUDABackend(ordinal: ordinal, precision: precision)
    }
  }

  /// A backend that takes the memory that such a one would take, and computes nothing.
  func makePlanner(threadCount: Int, precision: ProductPrecision = .float32) -> any Backend {
    switch self {
    case .processor(let level): Host.makePlanner(threadCount: threadCount, precision: precision, level: level)
    case .gpu: CUDABackend(planning: precision)
    }
  }

  /// What is left for the tensors of a rank of that many threads.
  func room(for backend: any Backend, threadCount: Int) -> MemoryRoom {
    guard case .gpu(let ordinal) = self else { return Host.room(threadCount: threadCount) }
    return MemoryRoom(sharedBytes: backend.pool.memory.freeBytes, place: "GPU \(ordinal)")
  }

  // MARK: Words

  /// What a rank of the backend has on its machine, in a line.
  func equipment(of backend: any Backend) -> String {
    switch backend {
    case let backend as CPUBackend: return Host.equipment(of: backend)
    case let backend as CUDABackend:
      let free = backend.freeBytes.map { ", \(Format.bytes($0)) free" } ?? ""
      return "\(backend.deviceName) (GPU \(backend.ordinal)\(free)), \(backend.precision) products"
    default: return "\(type(of: backend))"
    }
  }

  /// Says on standard error that a GPU does the work.
  func announce(_ backend: any Backend) {
    guard case .gpu = self else { return }
    Console.standardError.print("catlm: on \(equipment(of: backend))")
  }

  /// `cpu` or `cuda`.
  var name: String {
    switch self {
    case .processor: DeviceOption.Choice.cpu.rawValue
    case .gpu: DeviceOption.Choice.cuda.rawValue
    }
  }

  /// What results depend on in their last bits.
  func kernelNames(of backend: any Backend) -> String {
    (backend as? CPUBackend)?.kernelNames ?? (backend as? CUDABackend)?.kernelNames ?? ""
  }

  /// Makes a failure of a GPU the program's end with one line.
  static func endWhenGPUFails() {
    CUDAFailure.end { error in
      let remedy =
        "\(error)".contains("out of memory")
        ? "; less is taken with a smaller batch, in training also with train.recompute=blocks or more train.accumulation"
        : ""
      Console.standardError.print("catlm: GPU: \(error)\(remedy)")
      Foundation.exit(1)
    }
  }
}

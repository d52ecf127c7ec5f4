import ArgumentParser
import Benchmarks
import Foundation
import JSON
import Parallel
import Telemetry

extension BenchmarkCommand {
  struct Allreduce: RankedCommand {
    static let configuration = CommandConfiguration(
      abstract: "Times sums over all ranks: time, bandwidth, and the copying of memory beside it.",
      discussion: """
        One line a size, or one JSON object, from rank 0. Sizes are bytes of the single-precision values of a rank. \
        The algorithm's bandwidth is size over time; the bus's is what each of n ranks must send, 2(n-1)/n of what \
        travels, over time; a copy's is what each rank copies in memory while all do, measured in the same run.

        Example: mpirun -np 4 catlm benchmark allreduce --sizes 1MiB,64MiB --wire bfloat16 --json
        """)

    @Option(help: "Comma-separated, such as 4KiB,1MiB; by default 4KiB to 1GiB by factors of 4, as memory allows.")
    var sizes: String?

    @Option(help: "float32 or bfloat16.")
    var wire = WireFormat.float32

    @Flag(
      name: .customLong("shared-memory"), inversion: .prefixedNo,
      help: "float32 sums of ranks that are all on one machine go through its memory; else all by MPI.")
    var sharesMemory = true

    @Flag(help: "JSON objects on standard output, one a line.")
    var json = false

    func validate() throws { _ = try byteCounts() }

    func run() throws {
      try Ranks.run { try measure(on: $0) }
    }

    private func measure(on group: any HostGroup) throws {
      group.allowSharedMemory(sharesMemory)
      if case .messages(let obstacle?) = try group.openSharedMemory(), group.rank == 0 {
        Console.standardError.print("catlm: sums are left to MPI: \(obstacle)")
      }
      let sizes = try AllreduceSizes(try byteCounts(), group: group)
      let hosts = try HostReport.summary(of: group, equipment: Host.cores)
      if group.rank == 0 { say(hosts, leftOut: sizes, isAlone: group.size == 1) }
      let benchmark = AllreduceBenchmark(group)
      let copy = try benchmark.copyBandwidth(byteCount: min(256 << 20, sizes.limit))
      if group.rank == 0, !json { try Output.print(AllreduceTable.head(copy: copy)) }
      for size in sizes.fitting {
        let row = AllreduceTable(measurement: try benchmark.measure(byteCount: size, wire: wire), copy: copy)
        if group.rank == 0 { try Output.print(json ? row.json : row.text) }
      }
    }

    private func say(_ hosts: String, leftOut sizes: AllreduceSizes, isAlone: Bool) {
      var lines = [hosts]
      if isAlone { lines.append("one rank: nothing travels; start it with mpirun") }
      if !sizes.leftOut.isEmpty {
        let list = sizes.leftOut.map(Format.bytes).joined(separator: ", ")
        lines.append("left out: \(list); memory allows \(Format.bytes(sizes.limit)) a rank")
      }
      FileHandle.standardError.write(Data(lines.map { "catlm: \($0)\n" }.joined().utf8))
    }

    /// The option `--sizes` in bytes; nil without it.
    private func byteCounts() throws -> [Int]? {
      try sizes?.split(separator: ",", omittingEmptySubsequences: false).map { text in
        guard let count = Self.byteCount(String(text)) else {
          throw OptionCheck.error(
            "--sizes", found: "\"\(text)\"", allowed: "multiples of 4, such as 4096, 4KiB, 1MiB or 1GiB")
        }
        return count
      }
    }

    /// A positive multiple of 4, what a value takes; nil for anything else.
    private static func byteCount(_ text: String) -> Int? {
      let units = ["KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]
      let unit = units.first { text.hasSuffix($0.key) }
      let number = Int(text.dropLast(unit?.key.count ?? 0))?.multipliedReportingOverflow(by: unit?.value ?? 1)
      guard let number, !number.overflow, number.partialValue > 0, number.partialValue % 4 == 0 else { return nil }
      return number.partialValue
    }
  }
}

/// How a measured sum is printed: one line a size. Bandwidths are in 10⁹ bytes a second.
struct AllreduceTable {
  let measurement: AllreduceMeasurement
  /// Bytes a second that a rank copies in memory.
  let copy: Double

  static func head(copy: Double) -> String {
    "copying memory: \(Format.fixed(copy / 1e9, digits: 2)) GB/s a rank\n"
      + "       size          ms  algorithm GB/s  bus GB/s  bus / copy"
  }

  var text: String {
    let size = Format.bytes(measurement.byteCount).padded(to: 11)
    let time = Format.fixed(measurement.seconds * 1e3, digits: 4).padded(to: 12)
    guard let bandwidths else { return size + time + "–".padded(to: 16) + "–".padded(to: 10) + "–".padded(to: 12) }
    return size + time + Format.fixed(bandwidths.algorithm / 1e9, digits: 3).padded(to: 16)
      + Format.fixed(bandwidths.bus / 1e9, digits: 3).padded(to: 10)
      + Format.fixed(bandwidths.bus / copy, digits: 3).padded(to: 12)
  }

  var json: String {
    let number = { (value: Double?) in value.map(JSONValue.number) ?? .null }
    let object: JSONValue = [
      "bytes": .integer(measurement.byteCount), "wire": .text(measurement.wire.rawValue),
      "ranks": .integer(measurement.rankCount), "seconds": .number(measurement.seconds),
      "algorithm_bytes_per_second": number(bandwidths?.algorithm), "bus_bytes_per_second": number(bandwidths?.bus),
      "copy_bytes_per_second": .number(copy), "bus_share_of_copy": number(bandwidths.map { $0.bus / copy }),
      "processor": .text(Host.processorName),
    ]
    return object.json(pretty: false)
  }

  /// Nil for one rank, where nothing travels.
  private var bandwidths: (algorithm: Double, bus: Double)? {
    guard measurement.rankCount > 1 else { return nil }
    return (measurement.algorithmBandwidth, measurement.busBandwidth)
  }
}

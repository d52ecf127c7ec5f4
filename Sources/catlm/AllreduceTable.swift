import Benchmarks
import Settings
import Telemetry

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
    let number = { (value: Double?) in value.map(Setting.number) ?? .null }
    let object: Setting = [
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

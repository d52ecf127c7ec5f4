import FaultSupport
import Foundation

/// The memory of another process.
struct ProcessMemory {
  private let process: Int32

  init(_ process: Int32) {
    self.process = process
  }

  /// Flips one bit in each place that holds `pattern`; at least one must.
  func flip(byte: Int, bit: Int, of pattern: [UInt8]) throws {
    let descriptor = open("/proc/\(process)/mem", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw NotPossible("memory of process \(process): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var count = 0
    for region in try writableRegions() {
      for place in find(pattern, in: region, descriptor) {
        var value = pattern[byte] ^ UInt8(1 << bit)
        if pwrite(descriptor, &value, 1, off_t(place + byte)) == 1 { count += 1 }
      }
    }
    try expect(count > 0, "the weights are not found in the memory of process \(process)")
  }

  private func writableRegions() throws -> [Range<Int>] {
    let text = try String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8)
    return text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 1, fields[1].hasPrefix("rw"), !line.contains("/dev/") else { return nil }
      let bounds = fields[0].split(separator: "-").compactMap { Int($0, radix: 16) }
      return bounds.count == 2 ? bounds[0]..<bounds[1] : nil
    }
  }

  /// Addresses, at multiples of four, where `pattern` stands.
  private func find(_ pattern: [UInt8], in region: Range<Int>, _ descriptor: Int32) -> [Int] {
    var bytes = [UInt8](repeating: 0, count: region.count)
    let count = pread(descriptor, &bytes, bytes.count, off_t(region.lowerBound))
    guard count >= pattern.count else { return [] }
    return bytes.withUnsafeBytes { memory in
      pattern.withUnsafeBytes { wanted in
        stride(from: 0, through: count - wanted.count, by: 4).filter { place in
          memory.loadUnaligned(fromByteOffset: place, as: UInt32.self)
            == wanted.loadUnaligned(as: UInt32.self)
            && memory[place..<place + wanted.count].elementsEqual(wanted)
        }.map { region.lowerBound + $0 }
      }
    }
  }
}

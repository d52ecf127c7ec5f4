internal import Foundation

/// The most memory that this process has held at once, in bytes; 0 where the system does not say.
package func peakResidentBytes() -> Int {
  var usage = rusage()
  guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return 0 }
  return Int(usage.ru_maxrss) * 1024
}

/// The memory that this process holds now, in bytes; 0 where the system does not say.
package func residentBytes() -> Int {
  guard let content = FileManager.default.contents(atPath: "/proc/self/statm") else { return 0 }
  let fields = String(decoding: content, as: UTF8.self).split(separator: " ")
  guard fields.count > 1, let pageCount = Int(fields[1]) else { return 0 }
  return pageCount * sysconf(Int32(_SC_PAGESIZE))
}

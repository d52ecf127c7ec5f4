internal import Glibc

extension Disk {
  func openForReading(_ path: String, flags: Int32 = 0) throws(CheckpointError) -> Descriptor {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC | flags)
    guard number >= 0 else {
      let code = errno
      if code == ENOENT { throw .missing(path: path, what: "the file") }
      throw .system(call: "open", path: path, code: code)
    }
    return Descriptor(taking: number)
  }

  /// Bytes of an open regular file.
  func byteCount(of descriptor: borrowing Descriptor, path: String) throws(CheckpointError) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor.number, &status) == 0 else {
      throw .system(call: "fstat", path: path, code: errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .malformed(path: path, what: "kind of file", found: "no regular file", allowed: "a regular file")
    }
    return Int(status.st_size)
  }

  func byteCount(of path: String) throws(CheckpointError) -> Int {
    let descriptor = try openForReading(path)
    return try byteCount(of: descriptor, path: path)
  }

  /// Hands a file to `body` in order, a part at a time.
  func forEachPart(of path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(CheckpointError) {
    let descriptor = try openForReading(path)
    let partBytes = 1 << 20
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: partBytes, alignment: 64)
    defer { unsafe memory.deallocate() }
    while true {
      let count = unsafe read(descriptor.number, memory.baseAddress, partBytes)
      if count == 0 { return }
      if count > 0 {
        unsafe body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
      } else if errno != EINTR {
        throw .system(call: "read", path: path, code: errno)
      }
    }
  }

  /// All bytes of a file.
  func readFile(_ path: String) throws(CheckpointError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(try byteCount(of: path))
    unsafe try forEachPart(of: path) { part in unsafe bytes.append(contentsOf: part) }
    return bytes
  }

  /// Names of what is in a directory, sorted.
  func names(in path: String) throws(CheckpointError) -> [String] {
    guard let directory = unsafe opendir(path) else {
      let code = errno
      if code == ENOENT { throw .missing(path: path, what: "the directory") }
      throw .system(call: "opendir", path: path, code: code)
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { byte in byte != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw .system(call: "readdir", path: path, code: errno) }
    return names.sorted()
  }

  func isDirectory(_ path: String, followingLinks: Bool = true) -> Bool {
    var status = stat()
    let code = followingLinks ? unsafe stat(path, &status) : unsafe lstat(path, &status)
    return code == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether there is anything of that name, be it a broken link.
  func exists(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0
  }
}

internal import Glibc

/// An open file of the kernel's, closed exactly once.
struct Descriptor: ~Copyable {
  let number: Int32

  init(taking number: Int32) {
    self.number = number
  }

  deinit {
    _ = Glibc.close(number)
  }

  /// Closes the file and tells what the kernel said: 0 or an `errno`.
  consuming func close() -> Int32 {
    let code = Glibc.close(number) == 0 ? 0 : errno
    discard self
    // Linux has closed the file when a signal interrupts the call.
    return code == EINTR ? 0 : code
  }
}

import FaultSupport
import Foundation

/// An ext4 file system on a loop device that can lose all but its first bytes: the kernel then reports EIO.
final class BreakingDisk {
  let place: String
  private let image: String
  private var device: String
  private var mount: Mount?

  /// - Parameters:
  ///   - image: the path of a file to be made.
  ///   - place: an empty directory.
  init(image: String, at place: String) throws {
    (self.image, self.place) = (image, place)
    try System.run("truncate", ["-s", "64M", image])
    try System.run("mkfs.ext4", ["-q", "-E", "lazy_itable_init=1,nodiscard", image])
    device = try System.run("losetup", ["--find", "--show", image])
    mount = try Mount(["-o", "errors=continue", device], at: place)
  }

  deinit {
    mount = nil
    _ = try? System.run("losetup", ["--detach", device])
  }

  /// Brings everything to the image, keeps a copy of it, and takes the device away from under the file system.
  func breakDown() throws {
    try System.run("sync", ["--file-system", place])
    try System.run("cp", ["--sparse=always", image, image + ".whole"])
    try System.run("truncate", ["-s", "64K", image])
    try System.run("losetup", ["--set-capacity", device])
  }

  /// The file system as it was when it broke.
  func mend() throws {
    mount = nil
    try System.run("losetup", ["--detach", device])
    try System.run("mv", [image + ".whole", image])
    device = try System.run("losetup", ["--find", "--show", image])
    mount = try Mount([device], at: place)
  }
}

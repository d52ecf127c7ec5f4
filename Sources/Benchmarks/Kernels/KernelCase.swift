package import TensorCore

/// What a kernel's call has to do at least, and what bounds it.
package enum KernelWork: Hashable, Sendable {
  /// Multiplications and additions that cannot be left out, of operands in a precision; what a backward pass computes
  /// again does not count.
  case operations(Double, ProductPrecision)
  /// Bytes that have to travel: each array that is read or written once.
  case bytes(Double)
}

/// A kernel's call, ready to be timed: its tensors are there.
struct KernelCase {
  let name: String
  /// Sizes of the call, such as `[544, 768]`.
  let shape: String
  let work: KernelWork
  let call: () -> Void

  init(_ name: String, _ shape: String, _ work: KernelWork, _ call: @escaping () -> Void) {
    self.name = name
    self.shape = shape
    self.work = work
    self.call = call
  }
}

/// How long a kernel's call takes.
package struct KernelMeasurement: Hashable, Sendable {
  package let name: String
  package let shape: String
  package let work: KernelWork
  package let times: CallTimes

  /// Operations or bytes a second, in the fastest call.
  package var rate: Double {
    switch work {
    case .operations(let count, _), .bytes(let count): count / times.fastest
    }
  }

  /// The rate over the ceiling that bounds this kernel. Above 1 where arrays came from caches.
  package func share(of ceilings: Ceilings) -> Double {
    switch work {
    case .operations(_, let precision): rate / ceilings.product(precision).rate
    case .bytes: rate / ceilings.memoryRate
    }
  }
}

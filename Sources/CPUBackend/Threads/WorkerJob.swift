internal import CKernels
internal import Dispatch
internal import Synchronization

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// The tasks of the kernel that runs now.
///
/// A thread owns a task once it has lowered `remaining` from a positive number. `run` does not return before every
/// owned task is finished, so `body` and `taskCount` stay as they are for as long as a thread owns one; a thread that
/// comes late finds nothing left and reads neither.
@safe final class WorkerJob {
  private typealias Body = (Int) -> Void

  /// Looks at `remaining` before a worker sleeps: a few hundred microseconds.
  private static let spinCount = 10_000
  /// Looks before a waiting caller gives its core to whoever else wants it.
  private static let spinsBeforeYield = 20_000

  private let remaining = Atomic<Int>(0)
  private let unfinished = Atomic<Int>(0)
  private let isStopping = Atomic<Bool>(false)
  private let isBusy = Atomic<Bool>(false)
  private let sleepers: [Sleeper]
  private var body: UnsafePointer<Body>?
  private var taskCount = 0

  init(sleeperCount: Int) {
    sleepers = (0..<sleeperCount).map { _ in Sleeper() }
  }

  func run(taskCount: Int, _ body: @escaping (Int) -> Void) {
    precondition(!isBusy.exchange(true, ordering: .acquiring), "worker pool: a task started tasks")
    unsafe withUnsafePointer(to: body) { body in
      unsafe self.body = unsafe body
      self.taskCount = taskCount
      unfinished.store(taskCount, ordering: .relaxed)
      remaining.store(taskCount, ordering: .sequentiallyConsistent)
      for sleeper in sleepers.prefix(taskCount - 1) { sleeper.wake() }
      runTasks()
      waitForOthers()
    }
    isBusy.store(false, ordering: .releasing)
  }

  func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    for sleeper in sleepers { sleeper.wake() }
  }

  /// What a worker thread does, until the pool ends.
  func work(_ index: Int) {
    while !isStopping.load(ordering: .acquiring) {
      runTasks()
      var spins = 0
      while !hasNews, spins < Self.spinCount {
        ck_pause()
        spins += 1
      }
      sleepers[index].sleep(unless: { hasNews })
    }
  }

  /// Sequentially consistent, as a worker that falls asleep must not miss what came before it said so.
  private var hasNews: Bool {
    remaining.load(ordering: .sequentiallyConsistent) > 0 || isStopping.load(ordering: .sequentiallyConsistent)
  }

  private func runTasks() {
    while remaining.load(ordering: .relaxed) > 0 {
      let left = remaining.wrappingSubtract(1, ordering: .acquiringAndReleasing).oldValue
      guard left > 0 else { return }
      runOwnedTask(left)
      unfinished.wrappingSubtract(1, ordering: .releasing)
    }
  }

  // A function of its own, so that the closure's references are gone before the task counts as finished.
  @inline(never)
  private func runOwnedTask(_ left: Int) {
    unsafe body?.pointee(taskCount - left)
  }

  private func waitForOthers() {
    var spins = 0
    while unfinished.load(ordering: .acquiring) > 0 {
      spins += 1
      if spins < Self.spinsBeforeYield { ck_pause() } else { sched_yield() }
    }
  }
}

/// Where one worker sleeps.
private final class Sleeper {
  private let isAsleep = Atomic<Bool>(false)
  private let semaphore = DispatchSemaphore(value: 0)

  /// Sleeps until `wake`, or not at all if there is news. Whoever takes `isAsleep` back decides which.
  func sleep(unless hasNews: () -> Bool) {
    guard !hasNews() else { return }
    isAsleep.store(true, ordering: .sequentiallyConsistent)
    if hasNews(), isAsleep.exchange(false, ordering: .sequentiallyConsistent) { return }
    semaphore.wait()
  }

  func wake() {
    guard isAsleep.load(ordering: .sequentiallyConsistent) else { return }
    if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { semaphore.signal() }
  }
}

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

/// Threads that share the work of one kernel at a time; the thread that calls takes part.
///
/// Between kernels a worker looks for work in a loop for a while, since the next one is often a few microseconds away,
/// and then sleeps.
package final class WorkerPool {
  /// Threads that work, the caller included.
  package let threadCount: Int

  private let job: Job
  private let threads: [pthread_t]

  /// Starts `threadCount - 1` threads; they end with the pool.
  package init(threadCount: Int) {
    precondition(threadCount > 0, "worker pool: \(threadCount) threads")
    let job = Job(sleeperCount: threadCount - 1)
    self.threadCount = threadCount
    self.job = job
    self.threads = (0..<threadCount - 1).map { startThread(Worker(job: job, index: $0)) }
  }

  deinit {
    job.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `body` with every number in `0 ..< taskCount` and returns when all calls have.
  ///
  /// Threads take the next number when they are done with one, so which thread runs a task is open. Not to be called
  /// from a task.
  package func run(taskCount: Int, _ body: (Int) -> Void) {
    guard taskCount > 1, threadCount > 1 else {
      for task in 0..<max(0, taskCount) { body(task) }
      return
    }
    withoutActuallyEscaping(body) { job.run(taskCount: taskCount, $0) }
  }

  /// Calls `body` once for each number in `0 ..< threadCount`, for work that is divided beforehand and may need memory
  /// of its own per number.
  package func runStatic(_ body: (_ worker: Int) -> Void) {
    run(taskCount: threadCount, body)
  }
}

/// What one worker thread is started with.
private final class Worker {
  let job: Job
  let index: Int

  init(job: Job, index: Int) {
    self.job = job
    self.index = index
  }
}

private func startThread(_ worker: Worker) -> pthread_t {
  #if canImport(Darwin)
    var thread: pthread_t?
  #else
    var thread = pthread_t()
  #endif
  let context = Unmanaged.passRetained(worker).toOpaque()
  let code = pthread_create(&thread, nil, runWorker, context)
  precondition(code == 0, "worker pool: pthread_create gave \(code)")
  #if canImport(Darwin)
    guard let thread else { preconditionFailure("worker pool: pthread_create gave no thread") }
  #endif
  return thread
}

#if canImport(Darwin)
  private nonisolated func runWorker(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let worker = Unmanaged<Worker>.fromOpaque(context).takeRetainedValue()
    worker.job.work(worker.index)
    return nil
  }
#else
  private nonisolated func runWorker(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let worker = Unmanaged<Worker>.fromOpaque(context).takeRetainedValue()
    worker.job.work(worker.index)
    return nil
  }
#endif

/// The tasks of the kernel that runs now.
///
/// A thread owns a task once it has lowered `remaining` from a positive number. `run` does not return before every
/// owned task is finished, so `body` and `taskCount` stay as they are for as long as a thread owns one; a thread that
/// comes late finds nothing left and reads neither.
private final class Job {
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
    withUnsafePointer(to: body) { body in
      self.body = body
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
      let left = remaining.subtract(1, ordering: .acquiringAndReleasing).oldValue
      guard left > 0 else { return }
      runOwnedTask(left)
      unfinished.subtract(1, ordering: .releasing)
    }
  }

  // A function of its own, so that the closure's references are gone before the task counts as finished.
  @inline(never)
  private func runOwnedTask(_ left: Int) {
    body?.pointee(taskCount - left)
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

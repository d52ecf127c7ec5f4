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

  let runsTasks: Bool
  private let job: WorkerJob
  private let threads: [pthread_t]

  /// Starts `threadCount - 1` threads; they end with the pool.
  ///
  /// - Parameter runsTasks: whether tasks are run at all; if not, there are no threads either.
  package init(threadCount: Int, runsTasks: Bool = true) {
    precondition(threadCount > 0, "worker pool: \(threadCount) threads")
    let sleeperCount = runsTasks ? threadCount - 1 : 0
    let job = WorkerJob(sleeperCount: sleeperCount)
    self.threadCount = threadCount
    self.runsTasks = runsTasks
    self.job = job
    self.threads = (0..<sleeperCount).map { startThread(Worker(job: job, index: $0)) }
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
    guard runsTasks else { return }
    guard taskCount > 1, threadCount > 1 else {
      for task in 0..<max(0, taskCount) { body(task) }
      return
    }
    withoutActuallyEscaping(body) { job.run(taskCount: taskCount, $0) }
  }
}

/// What one worker thread is started with.
private final class Worker {
  let job: WorkerJob
  let index: Int

  init(job: WorkerJob, index: Int) {
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
  let context = unsafe Unmanaged.passRetained(worker).toOpaque()
  let code = unsafe pthread_create(&thread, nil, runWorker, context)
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
    guard let context = unsafe context else { return nil }
    let worker = unsafe Unmanaged<Worker>.fromOpaque(context).takeRetainedValue()
    worker.job.work(worker.index)
    return nil
  }
#endif

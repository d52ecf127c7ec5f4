import ArgumentParser
import Benchmarks
import JSON
import Telemetry

extension BenchmarkCommand {
  struct Cost: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Times steps of growing contexts and of several chunk sizes, and fits their arithmetic to the times.",
      discussion: """
        Every step has the same number of samples (1), so that tokens grow with the context. To the fastest step of \
        each point a + products / rate + attention / rate is fitted, with the smallest relative errors: a is what a \
        step costs whatever it computes (the update of the weights), and attention has a rate of its own. A term that \
        would be negative is left out; fewer than four points get one rate for both, two get nothing but that; the \
        output says so. With --dense, a dense model of the same width and depth is timed beside each context: the \
        price of a CAT.

        Steps of long contexts take minutes at size M: a point gets no further step after --patience seconds.

        Example: catlm benchmark cost --size S --contexts 512,1024,2048,4096 --dense --json
        """)

    @Option(help: "S or M.")
    var size = BenchmarkSize.small

    @Option(help: .init("Contexts, ascending; measured at --chunk-size.", valueName: IntegerList.valueName))
    var contexts = IntegerList([512, 1024, 2048, 4096, 8192, 16384])

    @Option(name: .customLong("chunk-size"), help: "1 to 16.")
    var chunkSize = 16

    @Option(
      name: .customLong("chunk-sizes"),
      help: .init("Chunk sizes; measured at the size's context.", valueName: IntegerList.valueName))
    var chunkSizes = IntegerList([1, 2, 4, 8, 16])

    @Flag(help: "Time a dense model beside each context.")
    var dense = false

    @Option(name: .customLong("batch-size"), help: "Samples of every step.")
    var batchSize = 1

    @Option(help: "Measured steps of each point, at most.")
    var steps = 5

    @Option(help: "Seconds after which a point gets no further step.")
    var patience = 30.0

    @OptionGroup var products: PrecisionOption

    @OptionGroup var threads: ThreadsOption

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      let values = contexts.values
      guard values.count >= 3, values == Set(values).sorted(), values[0] >= 32 else {
        throw OptionCheck.error("--contexts", found: "\(contexts)", allowed: "three or more, ascending, from 32")
      }
      try OptionCheck.require("--chunk-size", chunkSize, in: 1...16)
      guard chunkSizes.values.count >= 3, chunkSizes.values.allSatisfy((1...16).contains) else {
        throw OptionCheck.error("--chunk-sizes", found: "\(chunkSizes)", allowed: "three or more of 1 to 16")
      }
      try OptionCheck.require("--batch-size", batchSize, in: 1...)
      try OptionCheck.require("--steps", steps, in: 1...)
      try OptionCheck.require("--patience", patience, in: 0...)
    }

    func run() throws {
      products.warnIfSlow()
      let (threadCount, precision) = (threads.count, products.precision)
      let benchmark = CostBenchmark(
        size, sampleCount: batchSize, stepCount: steps, patience: patience, room: Host.room(threadCount: threadCount)
      ) { Host.makeBackend(threadCount: threadCount, precision: precision) }
      try benchmark.requireRoom(contexts: contexts.values, chunkSize: chunkSize, chunkSizes: chunkSizes.values) {
        Host.makePlanner(threadCount: threadCount, precision: precision)
      }
      let report = try benchmark.run(
        contexts: contexts.values, chunkSize: chunkSize, chunkSizes: chunkSizes.values, includesDense: dense
      ) { point in
        let kind = point.chunkSize.map { "cat, chunk size \($0)" } ?? "dense"
        Console.standardError.print(
          "\(kind), context \(point.context): \(Format.fixed(point.seconds, digits: 3)) s")
      }
      for point in report.leftOut { Console.standardError.print("catlm: left out: \(point): memory does not hold it") }
      let conditions = "size \(size.rawValue), samples a step: \(batchSize), threads: \(threadCount), \(products.text)"
      try Output.print(json ? object(report).json() : conditions + "\n\n" + CostTable.text(report))
    }

    private func object(_ report: CostReport) -> JSONValue {
      [
        "size": .text(size.rawValue), "threads": .integer(threads.count), "batch": .integer(batchSize),
        "precision": .text(products.precision.rawValue),
        "machine": Host.machine(of: Host.makeBackend(threadCount: threads.count)),
        "curves": .list(report.curves.map(CostTable.object)),
        "price": .list(
          report.price.map { context, cat, dense in
            [
              "context": .integer(context), "cat_seconds": .number(cat.seconds),
              "dense_seconds": .number(dense.seconds), "ratio": .number(cat.seconds / dense.seconds),
            ]
          }),
        "left_out": .list(report.leftOut.map(JSONValue.text)),
      ]
    }
  }
}

import JSON
import Testing

extension CommandTests {
  @Suite struct CostTests {
    private static let arguments = [
      "benchmark", "cost", "--contexts", "32,64,96,128", "--chunk-size", "8", "--chunk-sizes", "4,8,16", "--steps", "1",
      "--threads", "1",
    ]

    @Test func `steps are timed against their arithmetic, a dense model beside them`() throws {
      let outcome = try Command.catlm(Self.arguments + ["--dense", "--json"]).run().succeeded()
      let report = try #require(try outcome.objects.first)
      #expect(outcome.outputLines.count == 1)
      #expect(report["precision"] == .text("float32"))
      let curves = try #require(report["curves"]?.listValue)
      #expect(curves.map { $0["curve"]?.textValue } == ["cat, chunk size 8", "cat, context 512", "dense"])
      let contexts = curves.map { $0["points"]?.listValue?.map { $0["context"]?.integerValue } }
      #expect(contexts == [[32, 64, 96, 128], [512, 512, 512], [32, 64, 96, 128]])
      #expect(curves.map { $0["fit"]?.textValue } == ["two_rates", "one_rate", "two_rates"])
      for curve in curves {
        let fixed = try #require(curve["fixed_seconds"]?.numberValue)
        let number = { (key: String) in curve[key]?.numberValue ?? .infinity }
        let (products, attention) = (number("product_operations_per_second"), number("attention_operations_per_second"))
        var largest = 0.0
        for point in try #require(curve["points"]?.listValue) {
          let work = try ["product", "attention"].map { try #require(point["\($0)_operations"]?.numberValue) }
          let seconds = try #require(point["seconds"]?.numberValue)
          let predicted = try #require(point["predicted_seconds"]?.numberValue)
          #expect(abs(fixed + work[0] / products + work[1] / attention - predicted) < 1e-6 * seconds)
          #expect(abs(try #require(point["deviation"]?.numberValue) - (seconds / predicted - 1)) < 1e-6)
          #expect(point["operations"] == .number(work[0] + work[1]))
          largest = max(largest, abs(seconds / predicted - 1))
        }
        #expect(abs(try #require(curve["largest_deviation"]?.numberValue) - largest) < 1e-6)
      }
      let price = try #require(report["price"]?.listValue)
      #expect(price.map { $0["context"]?.integerValue } == [32, 64, 96, 128])
      #expect(price.allSatisfy { $0["ratio"]?.numberValue ?? 0 > 0 })
    }

    @Test func `a table a curve, below the conditions`() throws {
      let outcome = try Command.catlm(Self.arguments + ["--precision", "bfloat16"]).run().succeeded()
      #expect(outcome.outputLines.first?.hasSuffix("threads: 1, products in bfloat16") == true, "\(outcome.output)")
      #expect(outcome.outputLines.count { $0.contains(" GFLOP/s") && $0.contains(" % off") } == 2, "\(outcome.output)")
      let few = outcome.outputLines.filter { $0.hasPrefix("cat, context 512: ") }
      #expect(few.count == 1 && few[0].contains("one rate: 3 points"), "\(outcome.output)")
      #expect(!outcome.output.contains("price"))
    }

    @Test(arguments: [
      ["--contexts", "512,1024"], ["--contexts", "512,256,1024"], ["--contexts", "32,x,64"],
      ["--chunk-sizes", "1,2,32"],
      ["--chunk-size", "17"], ["--steps", "0"],
    ])
    func `an option that cannot be is refused`(options: [String]) throws {
      let outcome = try Command.catlm(["benchmark", "cost"] + options).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(options[0]), "\(outcome.errors)")
    }
  }
}

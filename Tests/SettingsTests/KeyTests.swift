import Testing

@testable import JSON
@testable import Settings

@Suite struct KeyTests {
  enum Shape: String, CaseIterable { case round, square }

  struct Box: Equatable {
    var width = 3
    var height = 3
    var depth: Int?
    var weight = 2.5
    var isOpen = true
    var shape = Shape.round
    var lid: Shape? = .square
    var label: String?
    var sizes = [1, 2]
    var shares: [Double] = []
    var paths: [String] = []

    static let keys: [Key<Self>] = [
      .integer("width", \.width, default: .required, in: 1...9, "How wide."),
      .optionalInteger("height", \.height, none: "width", { $0.width }, in: 1...9, "How high."),
      .optionalInteger("depth", \.depth, in: 1...9, "How deep."),
      .repeated("breadth", of: "width", { $0.width }, "Another name."),
      .number("weight", \.weight, in: 0...10, "How heavy."),
      .flag("open", \.isOpen, "Whether it is open."),
      .choice("shape", \.shape, "Its shape."),
      .optionalChoice("lid", \.lid, "Its lid's."),
      .optionalText("label", \.label, "What is on it."),
      .integers("sizes", \.sizes, in: 1...9, "Sizes."),
      .numbers("shares", \.shares, default: .derived("1 for each") { $0.sizes.map { _ in 1 } }, "Shares."),
      .texts("paths", \.paths, "Paths."),
      .constant("kind", ["box", "case"], "What it is."),
    ]
  }

  static func read(_ yaml: String) throws -> (Box, JSONValue) {
    let reader = JSONReader(try JSONValue(yaml: yaml, source: "f"), path: "box", source: "f")
    var box = Box()
    try reader.read(Box.keys, into: &box)
    try reader.finish()
    return (box, reader.resolved)
  }

  @Test func `keys that are absent have the defaults of the initialiser, or follow from others`() throws {
    let (box, resolved) = try Self.read("width: 5")
    #expect(box == Box(width: 5, height: 5, shares: [1, 1]))
    #expect(
      resolved == [
        "width": 5, "height": nil, "depth": nil, "breadth": nil, "weight": 2.5, "open": true, "shape": "round",
        "lid": "square", "label": nil, "sizes": [1, 2], "shares": [1.0, 1.0], "paths": [], "kind": "box",
      ])
    #expect(try Self.read(resolved.yaml()).0 == box)
  }

  @Test func `keys that are there are what the configuration holds`() throws {
    let (box, _) = try Self.read(
      "{width: 4, height: 7, depth: 8, breadth: 4, weight: 1, open: false, shape: square, lid: null, label: x, "
        + "sizes: 3, shares: [2], paths: p, kind: case}")
    #expect(
      box
        == Box(
          width: 4, height: 7, depth: 8, weight: 1, isOpen: false, shape: .square, lid: nil, label: "x", sizes: [3],
          shares: [2], paths: ["p"]))
  }

  @Test(arguments: [
    ("{}", "f: box.width: missing; required: an integer in 1...9"),
    ("{width: 4, breadth: 5}", "f: box.breadth: found 5; allowed: width 4"),
    ("{width: 4, kind: bag}", "f: box.kind: found bag; allowed: box or case"),
    ("{width: 4, depth: 10}", "f: box.depth: found 10; allowed: an integer in 1...9"),
  ]) func `what a key does not allow is refused by its full name`(yaml: String, message: String) throws {
    let error = #expect(throws: JSONError.self) { try Self.read(yaml) }
    #expect(error?.description == message)
  }

  @Test func `a former name is read, and refused beside the new one`() throws {
    let keys = [Key<Box>.number("weight", \.weight, in: 0...10, "How heavy.").formerly("mass")]
    func read(_ yaml: String) throws -> (Box, JSONValue) {
      let reader = JSONReader(try JSONValue(yaml: yaml, source: "f"), path: "box", source: "f")
      var box = Box()
      try reader.read(keys, into: &box)
      try reader.finish()
      return (box, reader.resolved)
    }
    let (box, resolved) = try read("mass: 4")
    #expect(box.weight == 4 && resolved == ["weight": 4.0])
    let error = #expect(throws: JSONError.self) { try read("{mass: 4, weight: 4}") }
    #expect(error?.description == "f: box.mass: found weight as well; allowed: weight alone, which is its name now")
    #expect(keys.declarations(Box())[0].sentence == "How heavy. Its former name mass is read too.")
  }

  @Test func `a key says what it is`() {
    let declarations = Box.keys.declarations(Box())
    #expect(declarations.map(\.name).prefix(3) == ["width", "height", "depth"])
    #expect(
      declarations.map(\.fallbackText) == [
        "required", "width", "none", "width", "2.5", "true", "round", "square", "none", "[1, 2]", "1 for each", "[]",
        "box",
      ])
    #expect(
      declarations.map(\.allowed) == [
        "1...9", "1...9", "1...9", "width", "0...10", "true, false", "round, square", "round, square, null",
        "any text", "each 1...9", "each ...", "any text", "box, case",
      ])
  }
}

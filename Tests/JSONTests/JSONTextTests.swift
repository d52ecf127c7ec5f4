import Testing

@testable import JSON

@Suite struct JSONTextTests {
  @Test func `all of JSON is read, keys in their order`() throws {
    let text =
      #" { "z" : [ 1 , -2.5e-3, true,false , null, "a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00" ], "a": {}, "b": [] } "#
    let expected: JSONValue = [
      "z": [1, -2.5e-3, true, false, nil, "a\"\\/\u{8}\u{C}\n\r\té😀"], "a": [:], "b": [],
    ]
    #expect(try JSONValue(json: text) == expected)
    #expect(try JSONValue(json: expected.json()) == expected)
  }

  @Test func `compact and pretty forms are fixed`() {
    let setting: JSONValue = ["step": 5, "loss": 1e-6, "sizes": [4, 8], "nested": ["a": [["b": nil]]], "none": [:]]
    #expect(
      setting.json() == #"{"step": 5, "loss": 1e-06, "sizes": [4, 8], "nested": {"a": [{"b": null}]}, "none": {}}"#)
    #expect(
      setting.json(pretty: true) == """
        {
          "step": 5,
          "loss": 1e-06,
          "sizes": [4, 8],
          "nested": {
            "a": [
              {
                "b": null
              }
            ]
          },
          "none": {}
        }
        """)
  }

  @Test func `numbers that JSON does not know become null`() {
    #expect(JSONValue.list([.number(.nan), .number(.infinity), .number(1)]).json() == "[null, null, 1.0]")
  }

  @Test(arguments: [
    "", " ", "{", "}", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1,\"a\":2}", "01", "-",
    "1.", ".5",
    "1e", "+1", "0x1", "1e999", "tru", "nul", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"",
    "\"\\ud800\\u0041\"", "\"a\nb\"", "1 2", "NaN", "'a'", "[1] x",
  ])
  func `what is not JSON is refused`(text: String) {
    let error = #expect(throws: JSONError.self) { try JSONValue(json: text, source: "f.json") }
    #expect(error?.description.hasPrefix("f.json:1: cannot be read: ") == true || text.contains("\n"))
  }

  @Test func `the line of a fault is named`() {
    let error = #expect(throws: JSONError.self) { try JSONValue(json: "{\"a\": 1,\n\n \"b\": ?}", source: "f.json") }
    #expect(error?.description == "f.json:3: cannot be read: a value was expected")
  }

  @Test(arguments: ["[", "{\"a\":"]) func `deep nesting is refused`(opening: String) {
    let error = #expect(throws: JSONError.self) { try JSONValue(json: String(repeating: opening, count: 100_000)) }
    #expect(error?.found == "more than 200 levels")
  }
}

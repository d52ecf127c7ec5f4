extension Setting: ExpressibleByNilLiteral {
  package init(nilLiteral: ()) { self = .null }
}

extension Setting: ExpressibleByBooleanLiteral {
  package init(booleanLiteral value: Bool) { self = .flag(value) }
}

extension Setting: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: Int) { self = .integer(value) }
}

extension Setting: ExpressibleByFloatLiteral {
  package init(floatLiteral value: Double) { self = .number(value) }
}

extension Setting: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .text(value) }
}

extension Setting: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: Setting...) { self = .list(elements) }
}

extension Setting: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, Setting)...) {
    self = .mapping(elements.map { Entry(key: $0.0, value: $0.1) })
  }
}

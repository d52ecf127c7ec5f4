/// What must hold did not.
package struct Unexpected: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

/// Throws ``Unexpected`` unless `condition` holds.
package func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
  if !condition { throw Unexpected(message()) }
}

/// `value`, if there is one; else throws ``Unexpected``.
package func require<Value>(_ value: Value?, _ message: @autoclosure () -> String) throws -> Value {
  guard let value else { throw Unexpected(message()) }
  return value
}

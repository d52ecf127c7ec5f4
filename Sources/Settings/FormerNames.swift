package import JSON

// Names of before, for changes that are still under way.
package typealias Setting = JSONValue
package typealias SettingsError = JSONError
package typealias SettingsReader = JSONReader

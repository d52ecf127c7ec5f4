internal import CCUDA

/// What went wrong with a GPU, in one line.
package enum CUDAError: Error, Hashable, CustomStringConvertible {
  /// A library, or a function of it, is not to be had, or there is no GPU: the machine cannot do what was asked for.
  case unavailable(String)
  /// A call of a library gave an error.
  case call(name: String, text: String)
  /// A kernel did not compile.
  case compilation(source: String, log: String)

  package var description: String {
    switch self {
    case .unavailable(let reason): "no GPU: \(reason)"
    case .call(let name, let text): "\(name): \(text)"
    case .compilation(let source, let log): "\(source) does not compile: \(log.replacing("\n", with: " "))"
    }
  }
}

/// Throws what the library said of a code that is no success.
func check(_ code: Int32) throws(CUDAError) {
  guard code != 0 else { return }
  throw CUDAError.call(name: String(cString: ccuda_failed_call()), text: String(cString: ccuda_error_text()))
}

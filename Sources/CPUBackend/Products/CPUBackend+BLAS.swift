internal import COpenBLAS

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

extension CPUBackend {
  /// The processor whose kernels of BLAS every processor with these instructions can run.
  package static func blasCore(at level: InstructionLevel) -> String {
    #if arch(x86_64)
      switch level {
      case .baseline: "Prescott"
      case .avx2: "Haswell"
      case .avx512, .avx512BFloat16, .amxBFloat16: "SkylakeX"
      }
    #else
      "ARMV8"
    #endif
  }

  /// Makes BLAS use the kernels for a processor from now on; no product may be under way.
  ///
  /// OpenBLAS reads the environment when it is loaded. Builds with kernels for several processors have functions that make
  /// it read once more, which its header does not show; in others nothing can be changed.
  ///
  /// - Returns: whether it uses them now.
  package static func useBLAS(core: String) -> Bool {
    if blasCoreName == core { return true }
    typealias Function = @convention(c) () -> Void
    guard let program = unsafe dlopen(nil, RTLD_NOW), let end = unsafe dlsym(program, "gotoblas_dynamic_quit"),
      let begin = unsafe dlsym(program, "gotoblas_dynamic_init")
    else { return false }
    let variable = "OPENBLAS_CORETYPE"
    let before = unsafe getenv(variable).map { unsafe String(cString: $0) }
    unsafe setenv(variable, core, 1)
    unsafe unsafeBitCast(end, to: Function.self)()
    unsafe unsafeBitCast(begin, to: Function.self)()
    // It tells what the user chose.
    if let before { unsafe setenv(variable, before, 1) } else { unsafe unsetenv(variable) }
    return blasCoreName == core
  }
}

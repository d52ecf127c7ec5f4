import CPUBackend
import CUDABackend
import Foundation
import TensorCore
import Testing

extension CUDATests {
  /// What is asked of CUDA's libraries, seen from a library that records it.
  @Suite struct LibraryTests {
    @Test func `a benchmark of all kernels gives back all that it took`() throws {
      let fake = try FakeCUDA()
      do {
        let benchmark = try DeviceBenchmark(
          .small, chunkSize: 16, seconds: 0, filter: "", reference: CPUBackend(threadCount: 1), cache: fake.cache)
        let report = try benchmark.run { _ in }
        #expect(report.deviceName == "Fake GPU")
        // Nothing computes here: what is compared with a result that is not zero is wrong.
        #expect(report.checks.allSatisfy { !$0.passes }, "\(report.checks.filter(\.passes))")
        #expect(report.measurements.count == 29 && report.measurements.allSatisfy { $0.times.median == 0.0005 })
        for name in ["forward", "backward", "query gradient", "key gradient"] {
          #expect(report.measurements.contains { $0.name == "attention staircase \(name)" })
        }
      }
      #expect(try fake.liveCount == 0)
      let launched = Set(try fake.calls.filter { $0.hasPrefix("cuLaunchKernel ") })
      let compiled = Set(try fake.calls.filter { $0.hasPrefix("nvrtcCreateProgram ") })
      #expect(launched.count == 32, "\(launched)")
      #expect(compiled.count == 14, "\(compiled)")
    }

    @Test(arguments: [
      "cuDeviceGetCount", "cuDevicePrimaryCtxRetain", "cuStreamCreate", "cuMemAlloc", "cuMemcpyHtoDAsync",
      "nvrtcCreateProgram", "nvrtcGetCUBIN", "cuModuleLoadData", "cuModuleGetFunction", "cuLaunchKernel",
      "cuStreamSynchronize", "cuMemcpyDtoHAsync",
    ])
    func `a call that fails is named with what the library says, and nothing is kept`(call: String) throws {
      let fake = try FakeCUDA()
      try fake.fail(call, code: 2)
      #expect(throws: CUDAError.call(name: call, text: "a fake failure")) {
        let device = try CUDADevice()
        let stream = try CUDAStream(device)
        let array = try DeviceArray(device, .float32, count: 8)
        try array.upload([Float](repeating: 1, count: 8), on: stream)
        let kernels = ElementKernels(library: KernelLibrary(device, cache: fake.cache))
        try kernels.fillRandom(array, scale: 1, seed: 1, on: stream)
        try stream.synchronize()
        _ = try array.download(on: stream)
      }
      #expect(try fake.liveCount == 0)
    }

    @Test func `what cannot be given back is said at the next wait`() throws {
      let fake = try FakeCUDA()
      let device = try CUDADevice()
      let stream = try CUDAStream(device)
      try fake.fail("cuMemFree", code: 2)
      do { _ = try DeviceArray(device, .float32, count: 8) }
      #expect(throws: CUDAError.call(name: "cuMemFree", text: "a fake failure")) { try stream.synchronize() }
      try stream.synchronize()
    }

    @Test func `a source that does not compile is named with the compiler's messages in one line`() throws {
      let fake = try FakeCUDA()
      try fake.fail("nvrtcCompileProgram", code: 6)
      let error = #expect(throws: CUDAError.self) {
        try KernelCompiler.compile(KernelSource("Update.cu"), architecture: "sm_90a")
      }
      #expect("\(error.map { "\($0)" } ?? "")" == "Update.cu does not compile: a message of two lines")
      #expect(try fake.liveCount == 0)
    }

    @Test func `a library that is not there is named in one line`() throws {
      CUDALibraries.close()
      let error = #expect(throws: CUDAError.self) {
        try CUDALibraries.openCompiler(folders: "/nowhere:/nowhere-else")
        throw CUDAError.unavailable("the system has the compiler (libnvrtc.so)")
      }
      #expect("\(error.map { "\($0)" } ?? "")".contains("libnvrtc.so"))
    }

    @Test func `values come back from the device as the type holds them`() throws {
      let fake = try FakeCUDA()
      let device = try CUDADevice()
      let stream = try CUDAStream(device)
      let values: [Float] = [1, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 1 + 0x3p-8, -0.1, .infinity, 0x1p-140]
      for type in [DeviceType.float32, .bfloat16] {
        let array = try DeviceArray(device, type, count: values.count)
        try array.upload(values, on: stream)
        let expected = type == .float32 ? values : [1, 1, 1 + 0x1p-7, 1 + 0x1p-6, -0.10009765625, .infinity, 0x1p-133]
        #expect(try array.download(on: stream).prefix(6) == expected.prefix(6))
      }
      #expect(try fake.calls.count { $0 == "cuMemcpyHtoDAsync" } == 2)
    }

    @Test func `arguments of a kernel lie at multiples of their alignment`() throws {
      let fake = try FakeCUDA()
      let device = try CUDADevice()
      let stream = try CUDAStream(device)
      let array = try DeviceArray(device, .float32, count: 300)
      try ElementKernels(library: KernelLibrary(device, cache: fake.cache))
        .fillRandom(array, scale: 2, seed: 7, on: stream)
      let arguments = try fake.lastArguments
      #expect(arguments.count == 24)
      let words = arguments.withUnsafeBytes { bytes in
        (
          bytes.load(fromByteOffset: 8, as: Float.self), bytes.load(fromByteOffset: 12, as: UInt32.self),
          bytes.load(fromByteOffset: 16, as: Int.self)
        )
      }
      #expect(words == (2, 7, 300))
    }

    @Test func `a kernel is compiled once for all processes, and again for other constants`() throws {
      let fake = try FakeCUDA()
      let compile = { (width: String) in
        _ = try fake.cache.kernels(KernelSource("Norm.cu", ["WIDTH": width]), architecture: "sm_90a")
        return try fake.calls.count { $0 == "nvrtcCompileProgram" }
      }
      #expect(try compile("768") == 1 && compile("768") == 1)
      #expect(try compile("1536") == 2)
      _ = try fake.cache.kernels(KernelSource("Norm.cu", ["WIDTH": "768"]), architecture: "sm_80")
      #expect(try fake.calls.count { $0 == "nvrtcCompileProgram" } == 3)
    }
  }
}

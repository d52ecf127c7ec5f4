internal import CKernels
internal import TensorCore

extension DType {
  /// The kernels' name of the type.
  var kernelType: ck_type {
    switch self {
    case .float32: CK_FLOAT32
    case .bfloat16: CK_BFLOAT16
    case .int32, .float64: preconditionFailure("kernel: numbers of \(self)")
    }
  }
}

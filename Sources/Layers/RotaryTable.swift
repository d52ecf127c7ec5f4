import Foundation
package import TensorCore

/// Cosines and sines of the rotary embedding for positions `0 ..< count`, half-split layout.
///
/// Angles are made in single precision, as both published implementations make them.
package struct RotaryTable {
  /// `[count, headWidth / 2]`.
  package let cosines: Tensor
  package let sines: Tensor

  package init(positionCount: Int, headWidth: Int, base: Float, backend: any Backend) {
    let half = headWidth / 2
    var cosines = [Float](repeating: 0, count: positionCount * half)
    var sines = cosines
    for i in 0..<half {
      let frequency = 1 / powf(base, Float(2 * i) / Float(headWidth))
      for position in 0..<positionCount {
        let angle = Float(position) * frequency
        cosines[position * half + i] = cosf(angle)
        sines[position * half + i] = sinf(angle)
      }
    }
    self.cosines = Tensor(cosines, shape: [positionCount, half], backend: backend)
    self.sines = Tensor(sines, shape: [positionCount, half], backend: backend)
  }
}

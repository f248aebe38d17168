// The computation of QLinearConv3x3, without ONNX Runtime's interface: 3x3 convolutions of 8-bit maps, channels last,
// by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016, arXiv:1509.09308) in integers of 16 bits.
// A tile of 4x4 values takes 36 products for a pair of channels instead of the direct sum's 144. Values at the points are
// exact; filters are rounded there, as finely as sums of 32 bits allow. After rounding to 8 bits one value in some dozens
// differs from the direct sum's, by one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "aligned.h"
#include "instructions.h"

namespace spotter {

constexpr int64_t kTile = 4;          // values along a tile's side
constexpr int64_t kPoints = 36;       // at which a tile's polynomials are multiplied
constexpr int64_t kLanes = 8;         // inputs are a multiple of it
constexpr int64_t kPanel = 16;        // outputs that are multiplied at once; outputs are a multiple of it
constexpr int64_t kChunk = 128;       // inputs that are summed up in 32 bits
constexpr int64_t kRowsAtOnce = 6;    // tiles whose sums fit into the registers of AVX2
constexpr int64_t kMostTiles = 48;    // of a unit, so that its scratch memory fits into the L2 cache
constexpr int64_t kPart = 128;        // outputs of a unit
constexpr int64_t kGap = kAlignment;  // bytes between two points, so that they are not all in the same cache set

// The filters at the points, rounded to multiples of `units`.
struct Points {
    std::vector<int16_t, Aligned<int16_t>> filters;  // [outputs / kPanel, kPoints, inputs / 2, kPanel, 2]
    std::vector<float, Aligned<float>> units;        // [outputs / kPanel, kPoints, kPanel]
};

// The filters of weights [outputs, inputs, 3, 3].
Points points_of(const int8_t *weights, int64_t outputs, int64_t inputs);

// A layer. A sum of weights times (value - input_zero) becomes 8 bits as
// clip(round(sum * scale[m] + bias[m]) + output_zero, 0, 255).
struct Layer {
    int64_t inputs = 0, outputs = 0;
    std::shared_ptr<const Points> points;
    std::vector<float> scale, bias;  // [outputs]
    int input_zero = 0, output_zero = 0;
};

struct Convolution {
    const Layer *layer;
    const uint8_t *input;  // [batch, height, width, inputs]
    uint8_t *output;       // [batch, height, width, outputs]
    int64_t batch, height, width;

    int64_t tiles_down() const { return (height + kTile - 1) / kTile; }
    int64_t tiles_along() const { return (width + kTile - 1) / kTile; }
    int64_t tiles() const { return batch * tiles_down() * tiles_along(); }
    // Units, which are distributed to threads, are some tiles for some outputs. Each unit reads its outputs' filters,
    // of which wide layers have more than fit into the caches: so wide layers are divided by outputs, others by tiles,
    // into at least two units.
    int64_t parts() const { return (layer->outputs + kPart - 1) / kPart; }
    int64_t tiles_a_unit() const {
        const int64_t least = parts() > 1 ? tiles() : (tiles() + 1) / 2;
        return std::min(kMostTiles / (parts() > 1 ? 1 : 2), std::max(2 * kRowsAtOnce, (least + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce));
    }
    int64_t groups() const { return (tiles() + tiles_a_unit() - 1) / tiles_a_unit(); }
    int64_t units() const { return groups() * parts(); }
    // Bytes from a point's values to the next one's, and from its products to the next one's.
    int64_t values_apart() const { return tiles_a_unit() * layer->inputs * 2 + kGap; }
    int64_t products_apart() const { return tiles_a_unit() * kPanel * 4 + kGap; }
    // Bytes of scratch memory of a unit.
    size_t room() const { return static_cast<size_t>(kPoints * (values_apart() + products_apart())); }
};

// Computes a unit with `room()` bytes of scratch memory at `work`, aligned to kAlignment. Compiled for AVX2 with FMA,
// and for AVX-512 with VNNI.
namespace avx2 {
void convolve_unit(const Convolution &job, int64_t unit, void *work);
}
namespace avx512 {
void convolve_unit(const Convolution &job, int64_t unit, void *work);
}

}  // namespace spotter

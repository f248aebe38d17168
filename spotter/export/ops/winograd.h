// What QLinearConv3x3 computes, apart from who asks for it: 3x3 convolutions of 8-bit maps, channels last, by Winograd's
// minimal filtering F(4x4, 3x3) in float (Lavin and Gray 2016, arXiv:1509.09308).
//
// A tile of 4x4 cells costs 36 products for a pair of channels where the plain sum has 144. After rounding to 8 bits one
// cell in some dozens differs from the plain sum's, by one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace spotter {

constexpr int64_t kTile = 4;            // cells along a tile's side
constexpr int64_t kPoints = 36;         // at which a tile's polynomials are multiplied
constexpr int64_t kLanes = 8;           // channels that are transformed at once; inputs are a multiple
constexpr int64_t kPanel = 2 * kLanes;  // outputs that are multiplied at once; outputs are a multiple
constexpr int64_t kRowsAtOnce = 6;      // tiles that are multiplied at once
constexpr int64_t kMostTiles = 24;      // of a unit: what it works in stays in the second-level cache
constexpr int64_t kGap = 16;            // floats between two points, without which all would share a cache set

// The filters at the points, [kPoints, outputs / kPanel, inputs, kPanel], in half precision (IEEE 754 binary16): the
// weights of wide layers come from memory, whose pace decides.
using Points = std::vector<uint16_t>;

// A layer. A sum of weights times (cell - input_zero) becomes 8 bits as
// clip(round((sum + bias[m]) * scale[m]) + output_zero, 0, 255).
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
    // Units are shared out to threads; a map of few tiles makes two, since each reads all weights.
    int64_t tiles_a_unit() const {
        const int64_t half = ((tiles() + 1) / 2 + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
        return std::min(kMostTiles, std::max(2 * kRowsAtOnce, half));
    }
    int64_t units() const { return (tiles() + tiles_a_unit() - 1) / tiles_a_unit(); }
    // Floats that a unit works in.
    int64_t room() const { return kPoints * (tiles_a_unit() * (layer->inputs + layer->outputs) + 2 * kGap); }
};

// For processors with AVX2, FMA and F16C.
namespace avx2 {
// Of weights [outputs, inputs, 3, 3].
Points points_of(const int8_t *weights, int64_t outputs, int64_t inputs);

// Computes a unit in `room()` floats at `work`, aligned to 32 bytes.
void convolve_unit(const Convolution &job, int64_t unit, float *work);
}  // namespace avx2

}  // namespace spotter

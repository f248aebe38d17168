// The computation of BranchStem, without ONNX Runtime's interface: the first five convolutions of PP-OCRv6's
// recogniser, two of them parallel to a max pooling, from 48 rows of pixels to 12 of values.
// A strip of columns goes through all of them, row by row: of intermediate maps only the rows that are still needed are
// kept, in the nearest caches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "aligned.h"

namespace spotter::stem {

constexpr int64_t kPixels = 4;    // channels of the input
constexpr int64_t kStrip = 24;    // columns of values of a unit
constexpr int64_t kGroup = 24;    // outputs are a multiple of it
constexpr int64_t kSpare = 6;     // positions that are computed beyond a row's end
constexpr int64_t kKept = 4;      // rows of each map that are kept

using Floats = std::vector<float, Aligned<float>>;

// A convolution followed by a ReLU. weights: for groups of `at_once` outputs, [window rows, window columns * inputs,
// at_once].
struct Layer {
    int64_t inputs = 0, outputs = 0, window = 0, at_once = 0;
    Floats weights, bias;
};

struct Stem {
    Layer first, narrow, wide, join, last;  // 3x3 of stride 2, 2x2, 2x2, 3x3 of stride 2, 1x1
};

struct Job {
    const Stem *stem;
    const float *x;       // [batch, kPixels, rows, columns], a multiple of four of both
    const float *halves;  // [columns / 2], a mask
    const float *mask;    // [columns / 4]
    float *y;             // [batch, rows / 4, columns / 4, outputs]
    int64_t batch, rows, columns;

    int64_t strips() const { return (columns / 4 + kStrip - 1) / kStrip; }
    int64_t units() const { return batch * strips(); }
    // Floats of a row of each map, and bytes of scratch memory of a unit.
    static constexpr int64_t halves_of_strip = 2 * kStrip + 3;
    static int64_t row(int64_t channels) { return (halves_of_strip + kSpare) * channels; }
    static constexpr int64_t pixels = (2 * (halves_of_strip + kSpare) + 2) * kPixels;
    size_t room() const {
        const int64_t wide = row(stem->first.outputs) + row(stem->narrow.outputs) + row(stem->join.inputs);
        const int64_t out = (kStrip + kSpare) * (stem->join.outputs + stem->last.outputs);
        return static_cast<size_t>(kKept * (pixels + wide) + out + row(stem->join.inputs)) * sizeof(float);
    }
};

// A layer from weights [outputs, inputs, window, window].
inline Layer layer_of(const float *weights, const float *bias, int64_t outputs, int64_t inputs, int64_t window, int64_t most) {
    Layer made;
    made.inputs = inputs;
    made.outputs = outputs;
    made.window = window;
    made.at_once = outputs % most == 0 ? most : kGroup;
    made.bias.assign(bias, bias + outputs);
    for (int64_t group = 0; group < outputs; group += made.at_once)
        for (int64_t row = 0; row < window; ++row)
            for (int64_t column = 0; column < window; ++column)
                for (int64_t input = 0; input < inputs; ++input)
                    for (int64_t each = 0; each < made.at_once; ++each)
                        made.weights.push_back(weights[(((group + each) * inputs + input) * window + row) * window + column]);
    return made;
}

// Computes a unit with `room` bytes of scratch memory at `work`, aligned to kAlignment. kMost: outputs that it sums at
// once if possible.
#define SPOTTER_STEM_UNITS(isa)                              \
    namespace isa {                                          \
    extern const int64_t kMost;                              \
    void run_unit(const Job &job, int64_t unit, void *work); \
    }
SPOTTER_STEM_UNITS(any)
SPOTTER_STEM_UNITS(avx2)
SPOTTER_STEM_UNITS(avx512)
#undef SPOTTER_STEM_UNITS

}  // namespace spotter::stem

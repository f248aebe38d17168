// The computations of QLinearBlock, QLinearHalvingBlock and DepthwiseColumns, without ONNX Runtime's interface: a block
// of a recogniser over a row of words, channels last. A depthwise 3x3 convolution, then two 1x1 ones in integers with
// GELU between them.
// Some columns of one row go through the whole block at once, so that intermediate values stay in the nearest cache: the
// convolution's floats, their 8 bits, and the doubled channels in the middle, which are never written to memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "aligned.h"

namespace spotter::block {

constexpr int64_t kPanel = 16;    // channels that are multiplied at once; all numbers of channels are multiples of it
constexpr int64_t kRows = 6;      // positions whose sums are in registers at once
constexpr int64_t kColumns = 48;  // of a unit, a multiple of kRows

// The layout of matrices and values for an instruction set. Matrices [from, to] are cut into groups of up to `group`
// panels of kPanel of their columns; within a group the numbers of `together` rows are interleaved.
struct Form {
    int64_t group, together, bytes;  // bytes: of a weight, and of a value that it multiplies
    bool interleaved;                // whether the middle channels are in the order in which four sums are packed into bytes
};

// The number of middle channels, padded to whole groups if they are interleaved.
inline int64_t room_of(const Form &form, int64_t middle) {
    const int64_t whole = form.interleaved ? form.group * kPanel : kPanel;
    return (middle + whole - 1) / whole * whole;
}

// The index at which a middle channel is stored.
inline int64_t place_of(const Form &form, int64_t channel) {
    if (!form.interleaved) return channel;
    const int64_t within = channel % 64;
    return channel / 64 * 64 + within % 16 / 4 * 16 + within / 16 * 4 + within % 4;
}

using Bytes = std::vector<char, Aligned<char>>;

// A layer. Values are floats quantised to 8 bits, clip(round(x * per_unit) + zero); a sum of the first matrix becomes
// an index clip(round(sum * up_factor + up_shift), -128, 127) of the table, whose values the second matrix sums up; a
// float is then sum * down_factor + down_bias. Sums begin with the correction for the zero points.
struct Layer {
    int64_t inputs = 0, middle = 0, outputs = 0, stride = 1;
    bool residual = true;
    std::vector<float, Aligned<float>> taps, tap_bias;  // [9, inputs], [inputs]
    float per_unit = 1, zero = 0;
    uint8_t table[256] = {};  // by the index as an unsigned byte
    std::vector<int32_t, Aligned<int32_t>> up_start, down_start;
    std::vector<float, Aligned<float>> up_factor, up_shift, down_factor, down_bias;
    std::shared_ptr<const Bytes> up, down;  // in the form's layout
};

// Columns with a zero in the mask are zero, and are not computed. x has `stride` times as many rows as y.
struct Job {
    const Layer *layer;
    const float *x;        // [batch, rows, columns, inputs]
    const float *mask;     // [columns]
    const float *factors;  // [columns, inputs], or null for ones
    float *y;              // [batch, rows of y, columns, outputs]
    int64_t batch, rows, columns;
    const int32_t *live;  // columns that are computed
    int64_t live_count;

    int64_t rows_of_y() const { return (rows + layer->stride - 1) / layer->stride; }
    int64_t strips() const { return (live_count + kColumns - 1) / kColumns; }
    // The rows of a strip are consecutive units, so that most of their inputs are in the cache.
    int64_t units() const { return strips() * batch * rows_of_y(); }
    // Bytes of scratch memory of a unit.
    size_t room(const Form &form) const {
        const int64_t wide = layer->inputs * (4 + form.bytes) + room_of(form, layer->middle) * form.bytes;
        return static_cast<size_t>(kColumns * wide + layer->inputs * 4);
    }
};

// The means over rows of a depthwise 3x3 convolution's output.
struct Means {
    const float *x;          // [batch, rows, columns, channels]
    const float *taps;       // [9, channels]
    const float *bias;       // [channels]
    float *y;                // [columns, channels]
    int64_t batch, rows, columns, channels;

    int64_t units() const { return (columns + kColumns - 1) / kColumns; }
    size_t room() const { return static_cast<size_t>((kColumns + 2) * channels * 3 * 4); }
};

inline int64_t groups_of(const Form &form, int64_t to) { return (to / kPanel + form.group - 1) / form.group; }

// A matrix [from, to] in a form's layout; it has `rows` rows, of which row r is row order(r) of `matrix`, or zero where
// that is -1.
template <class Order>
Bytes packed(const Form &form, const int8_t *matrix, int64_t rows, int64_t to, Order order) {
    Bytes made(static_cast<size_t>(rows * to * form.bytes));
    char *out = made.data();
    for (int64_t first = 0; first < to; first += form.group * kPanel) {
        const int64_t panels = std::min(form.group, (to - first) / kPanel);
        for (int64_t row = 0; row < rows; row += form.together)
            for (int64_t each = 0; each < panels * kPanel; ++each)
                for (int64_t next = 0; next < form.together; ++next) {
                    const int64_t source = order(row + next);
                    const int8_t weight = source < 0 ? int8_t{0} : matrix[source * to + first + each];
                    if (form.bytes == 1) {
                        *out++ = static_cast<char>(weight);
                    } else {
                        const int16_t wide = weight;
                        std::copy_n(reinterpret_cast<const char *>(&wide), 2, out);
                        out += 2;
                    }
                }
    }
    return made;
}

// The first matrix [inputs, middle], and the second one [middle, outputs], in a form's layout.
inline Bytes packed_up(const Form &form, const int8_t *matrix, int64_t inputs, int64_t middle) {
    return packed(form, matrix, inputs, middle, [](int64_t row) { return row; });
}
inline Bytes packed_down(const Form &form, const int8_t *matrix, int64_t middle, int64_t outputs) {
    std::vector<int64_t> channel_at(static_cast<size_t>(room_of(form, middle)), -1);
    for (int64_t channel = 0; channel < middle; ++channel) channel_at[static_cast<size_t>(place_of(form, channel))] = channel;
    return packed(form, matrix, room_of(form, middle), outputs, [&](int64_t row) { return channel_at[static_cast<size_t>(row)]; });
}

// Computes a unit with `room` bytes of scratch memory at `work`, aligned to kAlignment.
#define SPOTTER_BLOCK_UNITS(isa)                                    \
    namespace isa {                                                 \
    extern const Form kForm;                                        \
    void run_unit(const Job &job, int64_t unit, void *work);        \
    void mean_unit(const Means &job, int64_t unit, void *work);     \
    }
SPOTTER_BLOCK_UNITS(any)
SPOTTER_BLOCK_UNITS(avx2)
SPOTTER_BLOCK_UNITS(avx512)
SPOTTER_BLOCK_UNITS(vbmi)
#undef SPOTTER_BLOCK_UNITS

}  // namespace spotter::block

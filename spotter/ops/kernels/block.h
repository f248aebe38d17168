// What QLinearBlock, QLinearHalvingBlock and DepthwiseColumns compute, apart from who asks for it: a block of a recogniser that
// looks at a row of words, channels last. A depthwise 3x3 convolution, then two 1x1 ones in integers with GELU between them.
//
// Some columns of one row go through all of it at once, so that what lies between stays in the nearest cache: the
// convolution's floats, their 8 bits, and the twice as many channels in the middle, which never reach memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "aligned.h"

namespace spotter::block {

constexpr int64_t kPanel = 16;    // channels that are multiplied at once; all widths are multiples
constexpr int64_t kRows = 6;      // places whose sums are in registers at once
constexpr int64_t kColumns = 48;  // of a unit, a multiple of kRows

// How an instruction set wants matrices and values. Matrices [from, to] are cut into groups of up to `group` panels of kPanel
// of their columns; of each group lie `together` rows' numbers side by side.
struct Form {
    int64_t group, together, bytes;  // bytes: of a weight, and of a value that it is multiplied by
    bool interleaved;                // whether the middle's channels lie in the order in which four sums are packed into bytes
};

// Of the middle, with what may be left empty behind it.
inline int64_t room_of(const Form &form, int64_t middle) {
    const int64_t whole = form.interleaved ? form.group * kPanel : kPanel;
    return (middle + whole - 1) / whole * whole;
}

// Where a channel of the middle lies.
inline int64_t place_of(const Form &form, int64_t channel) {
    if (!form.interleaved) return channel;
    const int64_t within = channel % 64;
    return channel / 64 * 64 + within % 16 / 4 * 16 + within / 16 * 4 + within % 4;
}

using Bytes = std::vector<char, Aligned<char>>;

// A layer. Values are 8 bits of floats, clip(round(x * per_unit) + zero); a sum of the first matrix becomes an index
// clip(round(sum * up_factor + up_shift), -128, 127) of the table, whose values the second matrix sums up; a float is then
// sum * down_factor + down_bias. Sums begin with what the zero points are to blame for.
struct Layer {
    int64_t inputs = 0, middle = 0, outputs = 0, stride = 1;
    bool residual = true;
    std::vector<float, Aligned<float>> taps, tap_bias;  // [9, inputs], [inputs]
    float per_unit = 1, zero = 0;
    uint8_t table[256] = {};  // by the index's bits
    std::vector<int32_t, Aligned<int32_t>> up_start, down_start;
    std::vector<float, Aligned<float>> up_factor, up_shift, down_factor, down_bias;
    std::shared_ptr<const Bytes> up, down;  // as the form has them
};

// Whatever has zeros in the mask is zero, and is not computed. Rows of x are `stride` times as many as those of y.
struct Job {
    const Layer *layer;
    const float *x;        // [batch, rows, columns, inputs]
    const float *mask;     // [columns]
    const float *factors;  // [columns, inputs], or null for ones
    float *y;              // [batch, rows of y, columns, outputs]
    int64_t batch, rows, columns;
    const int32_t *live;  // columns that are computed
    int64_t lives;

    int64_t rows_of_y() const { return (rows + layer->stride - 1) / layer->stride; }
    int64_t strips() const { return (lives + kColumns - 1) / kColumns; }
    // Rows of a strip follow one another, so that most of what they look at is at hand.
    int64_t units() const { return strips() * batch * rows_of_y(); }
    // Bytes that a unit works in.
    size_t room(const Form &form) const {
        const int64_t wide = layer->inputs * (4 + form.bytes) + room_of(form, layer->middle) * form.bytes;
        return static_cast<size_t>(kColumns * wide + layer->inputs * 4);
    }
};

// The means over a map's rows of what a depthwise 3x3 convolution makes of it.
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

// A matrix [from, to] as a form has it; `rows` rows, of which row r is `from` row order(r), or zero where that is -1.
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

// The first matrix [inputs, middle], and the second one [middle, outputs], as a form has them.
inline Bytes packed_up(const Form &form, const int8_t *matrix, int64_t inputs, int64_t middle) {
    return packed(form, matrix, inputs, middle, [](int64_t row) { return row; });
}
inline Bytes packed_down(const Form &form, const int8_t *matrix, int64_t middle, int64_t outputs) {
    std::vector<int64_t> channel_at(static_cast<size_t>(room_of(form, middle)), -1);
    for (int64_t channel = 0; channel < middle; ++channel) channel_at[static_cast<size_t>(place_of(form, channel))] = channel;
    return packed(form, matrix, room_of(form, middle), outputs, [&](int64_t row) { return channel_at[static_cast<size_t>(row)]; });
}

// Computes a unit in `room` bytes at `work`, aligned to kAlignment.
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

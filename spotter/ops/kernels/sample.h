// The computations of the sampling operators, without ONNX Runtime's interface. Maps are [batch, channels, height,
// width], patches [regions, channels, rows, columns], both dense; positions are in elements, half-pixel: the first
// element's centre is (0.5, 0.5).
// A bin interpolates bilinearly between the four elements around its position. Elements outside the map count as zero; a
// bin whose position is NaN is zero, and so is every bin of a region whose image index is outside the batch. Elements must
// be finite, because elements of weight 0 are read, too.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define SPOTTER_BOTH __host__ __device__
#else
#define SPOTTER_BOTH
#endif

namespace spotter {

struct Maps {
    int64_t batch, channels, height, width;
};

struct Patches {
    int64_t regions, rows, columns;
};

// The parameters of RoIRotate: the operator's attributes, and the count of numbers of a box: cx, cy, w, h, theta and,
// from version 2 on, slant. See bodies.py.
struct Rotation {
    int64_t height, min_width, max_width, scale, stride, box_numbers;
};

// Columns that a box fills, in the arithmetic of the graph's other nodes.
SPOTTER_BOTH inline int64_t filled_columns(const float *box, const Rotation &rotation) {
    const float h = box[3] < 0.001f ? 0.001f : box[3];
    float wanted = box[2] / h * (static_cast<float>(rotation.height) / static_cast<float>(rotation.scale));
    const float least = static_cast<float>(rotation.min_width), most = static_cast<float>(rotation.max_width);
    wanted = !(wanted > least) ? least : wanted > most ? most : wanted;  // NaN becomes the least
    return static_cast<int64_t>(ceilf(wanted)) * rotation.scale;
}

// The line of positions along which a row of a box is sampled: x = x0 + u dx, y = y0 + u dy, with u in (-1/2, 1/2).
struct Line {
    float x0, y0, dx, dy;
};

SPOTTER_BOTH inline Line row_of_box(const float *box, const Rotation &rotation, int64_t row) {
    const float down = ((static_cast<float>(row) + 0.5f) / static_cast<float>(rotation.height) - 0.5f) * box[3];
    const float cosine = cosf(box[4]), sine = sinf(box[4]), stride = static_cast<float>(rotation.stride);
    const float sheared = rotation.box_numbers > 5 ? box[5] * down : 0.0f;  // along the row
    return {(box[0] + sheared * cosine - down * sine) / stride, (box[1] + sheared * sine + down * cosine) / stride,
            box[2] * cosine / stride, box[2] * sine / stride};
}

// The four elements of a bin: the pair at `offset` and the pair one row below it, with a weight each. Elements off the map
// have no weight, and the pair then lies at the border, so that all four may be read wherever the map has two columns.
struct Taps {
    int32_t offset;
    float upper_left, upper_right, lower_left, lower_right;
};

SPOTTER_BOTH inline Taps taps_at(float x, float y, int32_t height, int32_t width) {
    x -= 0.5f;
    y -= 0.5f;
    const bool inside = x > -1.0f && y > -1.0f && x < static_cast<float>(width) && y < static_cast<float>(height);
    x = inside ? x : 0.0f;  // NaN and numbers too large for an integer are not converted
    y = inside ? y : 0.0f;
    const float x_floor = floorf(x), y_floor = floorf(y);
    const int32_t column = static_cast<int32_t>(x_floor), row = static_cast<int32_t>(y_floor);
    const float right = x - x_floor, lower = inside ? y - y_floor : 0.0f;
    const float left = 1.0f - right, upper = inside ? 1.0f - lower : 0.0f;
    // Beyond the left border the right element is the pair's first; beyond the right border the left one is its second.
    const bool before = column < 0, behind = column > 0 && column == width - 1;
    const bool above = row < 0, below = row > 0 && row == height - 1;
    const float first = before ? right : behind ? 0.0f : left;
    const float second = before || width == 1 ? 0.0f : behind ? left : right;
    const float top = above ? lower : below ? 0.0f : upper;
    const float bottom = above || height == 1 ? 0.0f : below ? upper : lower;
    const int32_t at_column = before ? 0 : behind ? width - 2 : column;
    const int32_t at_row = above ? 0 : below ? height - 2 : row;
    return {at_row * width + at_column, top * first, top * second, bottom * first, bottom * second};
}

// Regions are divided into units, so that a pool of threads can take them one by one in any order.
template <class T>
struct Job {
    const T *features;
    Maps maps;
    const float *places;  // SampleRegions: grid [regions, rows, columns, 2]; RoIRotate: boxes [regions, box_numbers]
    const Rotation *rotation;  // null for SampleRegions
    const int64_t *image_index;
    T *patches;
    Patches size;
    int64_t channels_a_unit;

    int64_t units_a_region() const { return (maps.channels + channels_a_unit - 1) / channels_a_unit; }
    int64_t units() const { return size.regions * units_a_region(); }
};

struct Half {  // IEEE 754 binary16
    uint16_t bits;
};

// For processors with only the base instructions of their architecture, and for those with AVX2, FMA and F16C.
namespace any {
void run_unit(const Job<float> &job, int64_t unit);
void run_unit(const Job<Half> &job, int64_t unit);
}  // namespace any
namespace avx2 {
void run_unit(const Job<float> &job, int64_t unit);
void run_unit(const Job<Half> &job, int64_t unit);
}  // namespace avx2

}  // namespace spotter

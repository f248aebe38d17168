#include "winograd.h"

#include <immintrin.h>

namespace spotter {
namespace avx2 {
namespace {

struct Place {
    int64_t image, row, column;  // of a tile's first cell
};

constexpr float kNear = 0.70710678f, kFar = 1.41421356f;  // roots of 1/2 and 2

// Six values along a line, at the points 0, kNear, -kNear, kFar, -kFar and infinity: of all that are as quickly reached
// these round the least.
inline void to_points(const __m256 (&d)[6], __m256 (&out)[6]) {
    const __m256 half = _mm256_set1_ps(0.5f), two = _mm256_set1_ps(2.0f), more = _mm256_set1_ps(2.5f);
    const __m256 near = _mm256_set1_ps(kNear), far = _mm256_set1_ps(kFar);
    const __m256 near_even = _mm256_fnmadd_ps(two, d[2], d[4]), near_odd = _mm256_fnmadd_ps(two, d[1], d[3]);
    const __m256 far_even = _mm256_fnmadd_ps(half, d[2], d[4]), far_odd = _mm256_fnmadd_ps(half, d[1], d[3]);
    out[0] = _mm256_fnmadd_ps(more, d[2], _mm256_add_ps(d[0], d[4]));
    out[1] = _mm256_fmadd_ps(near, near_odd, near_even);
    out[2] = _mm256_fnmadd_ps(near, near_odd, near_even);
    out[3] = _mm256_fmadd_ps(far, far_odd, far_even);
    out[4] = _mm256_fnmadd_ps(far, far_odd, far_even);
    out[5] = _mm256_fnmadd_ps(more, d[3], _mm256_add_ps(d[1], d[5]));
}

// And back: what the line's four cells sum up to.
inline void to_cells(const __m256 (&m)[6], __m256 (&out)[4]) {
    const __m256 half = _mm256_set1_ps(0.5f), two = _mm256_set1_ps(2.0f);
    const __m256 near = _mm256_set1_ps(kNear), far = _mm256_set1_ps(kFar);
    const __m256 near_even = _mm256_add_ps(m[1], m[2]), near_odd = _mm256_mul_ps(near, _mm256_sub_ps(m[1], m[2]));
    const __m256 far_even = _mm256_add_ps(m[3], m[4]), far_odd = _mm256_mul_ps(far, _mm256_sub_ps(m[3], m[4]));
    out[0] = _mm256_add_ps(_mm256_add_ps(m[0], near_even), far_even);
    out[1] = _mm256_add_ps(near_odd, far_odd);
    out[2] = _mm256_fmadd_ps(two, far_even, _mm256_mul_ps(half, near_even));
    out[3] = _mm256_fmadd_ps(two, far_odd, _mm256_fmadd_ps(half, near_odd, m[5]));
}

inline __m256 cells_at(const uint8_t *cells, __m256 zero) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(cells));
    return _mm256_sub_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)), zero);
}

// Brings the 6x6 cells around a tile to the points, which lie `apart` floats from one another. kInside: all are on the
// map; those that are not count as zero.
template <bool kInside>
void transform(const Convolution &job, const Place &place, float *to, int64_t apart) {
    const int64_t inputs = job.layer->inputs, row_size = job.width * inputs;
    const __m256 zero = _mm256_set1_ps(static_cast<float>(job.layer->input_zero));
    const uint8_t *image = job.input + place.image * job.height * row_size;
    for (int64_t channel = 0; channel < inputs; channel += kLanes) {
        alignas(32) float half[6][6][kLanes];
        __m256 in[6], out[6];
        for (int64_t x = 0; x < 6; ++x) {
            const int64_t column = place.column - 1 + x;
            for (int64_t y = 0; y < 6; ++y) {
                const int64_t row = place.row - 1 + y;
                const bool there = kInside || (row >= 0 && row < job.height && column >= 0 && column < job.width);
                in[y] = there ? cells_at(image + row * row_size + column * inputs + channel, zero) : _mm256_setzero_ps();
            }
            to_points(in, out);
            for (int64_t y = 0; y < 6; ++y) _mm256_store_ps(half[y][x], out[y]);
        }
        for (int64_t y = 0; y < 6; ++y) {
            for (int64_t x = 0; x < 6; ++x) in[x] = _mm256_load_ps(half[y][x]);
            to_points(in, out);
            for (int64_t x = 0; x < 6; ++x) _mm256_store_ps(to + (y * 6 + x) * apart + channel, out[x]);
        }
    }
}

inline __m256 halves_at(const uint16_t *halves) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(halves)));
}

// (Loops that are unrolled late keep their sums in memory.)
// kCount tiles by a panel: out[tile][kPanel] = sum over inputs of in[tile][input] * panel[input][kPanel].
template <int kCount>
void multiply(const float *in, const uint16_t *panel, float *out, int64_t inputs, int64_t outputs) {
    __m256 sums[kCount][2];
#pragma GCC unroll 6
    for (int tile = 0; tile < kCount; ++tile) sums[tile][0] = sums[tile][1] = _mm256_setzero_ps();
    for (int64_t input = 0; input < inputs; ++input) {
        const __m256 first = halves_at(panel + input * kPanel), second = halves_at(panel + input * kPanel + kLanes);
#pragma GCC unroll 6
        for (int tile = 0; tile < kCount; ++tile) {
            const __m256 value = _mm256_broadcast_ss(in + tile * inputs + input);
            sums[tile][0] = _mm256_fmadd_ps(value, first, sums[tile][0]);
            sums[tile][1] = _mm256_fmadd_ps(value, second, sums[tile][1]);
        }
    }
#pragma GCC unroll 6
    for (int tile = 0; tile < kCount; ++tile) {
        _mm256_store_ps(out + tile * outputs, sums[tile][0]);
        _mm256_store_ps(out + tile * outputs + kLanes, sums[tile][1]);
    }
}

using Multiply = void (*)(const float *, const uint16_t *, float *, int64_t, int64_t);
constexpr Multiply kMultiply[kRowsAtOnce] = {multiply<1>, multiply<2>, multiply<3>, multiply<4>, multiply<5>, multiply<6>};

// Brings a tile back from the points, rounds it, and writes those of its cells that are on the map.
void finish(const Convolution &job, const Place &place, const float *from, int64_t apart) {
    const Layer &layer = *job.layer;
    const int64_t rows = std::min(kTile, job.height - place.row), columns = std::min(kTile, job.width - place.column);
    uint8_t *cells = job.output + ((place.image * job.height + place.row) * job.width + place.column) * layer.outputs;
    const __m256 most = _mm256_set1_ps(65536.0f);
    const __m256i zero = _mm256_set1_epi32(layer.output_zero);
    for (int64_t channel = 0; channel < layer.outputs; channel += kLanes) {
        alignas(32) float half[kTile][6][kLanes];
        __m256 in[6], out[kTile];
        for (int64_t x = 0; x < 6; ++x) {
            for (int64_t y = 0; y < 6; ++y) in[y] = _mm256_load_ps(from + (y * 6 + x) * apart + channel);
            to_cells(in, out);
            for (int64_t y = 0; y < kTile; ++y) _mm256_store_ps(half[y][x], out[y]);
        }
        const __m256 scale = _mm256_loadu_ps(layer.scale.data() + channel);
        const __m256 bias = _mm256_loadu_ps(layer.bias.data() + channel);
        for (int64_t y = 0; y < rows; ++y) {
            for (int64_t x = 0; x < 6; ++x) in[x] = _mm256_load_ps(half[y][x]);
            to_cells(in, out);
            for (int64_t x = 0; x < columns; ++x) {
                const __m256 scaled = _mm256_min_ps(_mm256_mul_ps(_mm256_add_ps(out[x], bias), scale), most);
                const __m256i whole = _mm256_add_epi32(_mm256_cvtps_epi32(scaled), zero);
                const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
                _mm_storel_epi64(reinterpret_cast<__m128i *>(cells + (y * job.width + x) * layer.outputs + channel),
                                 _mm_packus_epi16(words, words));
            }
        }
    }
}

}  // namespace

void convolve_unit(const Convolution &job, int64_t unit, float *work) {
    const int64_t inputs = job.layer->inputs, outputs = job.layer->outputs, share = job.tiles_a_unit();
    const int64_t count = std::min(share, job.tiles() - unit * share);
    const int64_t apart = share * inputs + kGap, products_apart = share * outputs + kGap;
    float *products = work + kPoints * apart;
    Place places[kMostTiles];
    for (int64_t tile = 0; tile < count; ++tile) {
        const int64_t number = unit * share + tile, along = job.tiles_along(), down = job.tiles_down();
        const Place place{number / (along * down), number / along % down * kTile, number % along * kTile};
        const bool inside = place.row > 0 && place.row + kTile < job.height && place.column > 0 &&
                            place.column + kTile < job.width;
        (inside ? transform<true> : transform<false>)(job, place, work + tile * inputs, apart);
        places[tile] = place;
    }
    for (int64_t point = 0; point < kPoints; ++point) {
        const uint16_t *filters = job.layer->points->data() + point * inputs * outputs;
        for (int64_t output = 0; output < outputs; output += kPanel)
            for (int64_t tile = 0; tile < count; tile += kRowsAtOnce)
                kMultiply[std::min(kRowsAtOnce, count - tile) - 1](
                    work + point * apart + tile * inputs, filters + output * inputs,
                    products + point * products_apart + tile * outputs + output, inputs, outputs);
    }
    for (int64_t tile = 0; tile < count; ++tile) finish(job, places[tile], products + tile * outputs, products_apart);
}

Points points_of(const int8_t *weights, int64_t outputs, int64_t inputs) {
    constexpr float kG[6][3] = {{1, 0, 0},
                                {-2 / 3.0f, -2 / 3.0f * kNear, -1 / 3.0f},
                                {-2 / 3.0f, 2 / 3.0f * kNear, -1 / 3.0f},
                                {1 / 6.0f, 1 / 6.0f * kFar, 1 / 3.0f},
                                {1 / 6.0f, -1 / 6.0f * kFar, 1 / 3.0f},
                                {0, 0, 1}};
    Points points(static_cast<size_t>(kPoints * outputs * inputs));
    for (int64_t output = 0; output < outputs; ++output)
        for (int64_t input = 0; input < inputs; ++input) {
            const int8_t *w = weights + (output * inputs + input) * 9;
            uint16_t *to = points.data() + (output / kPanel * inputs + input) * kPanel + output % kPanel;
            for (int y = 0; y < 6; ++y) {
                float along[3];
                for (int x = 0; x < 3; ++x)
                    along[x] = kG[y][0] * static_cast<float>(w[x]) + kG[y][1] * static_cast<float>(w[3 + x]) +
                               kG[y][2] * static_cast<float>(w[6 + x]);
                for (int x = 0; x < 6; ++x)
                    to[(y * 6 + x) * outputs * inputs] =
                        _cvtss_sh(kG[x][0] * along[0] + kG[x][1] * along[1] + kG[x][2] * along[2], 0);
            }
        }
    return points;
}

}  // namespace avx2
}  // namespace spotter

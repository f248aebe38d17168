// The filtering of QLinearConv3x3. Compiled once for each instruction set, SPOTTER_ISA naming the namespace.
#include "winograd.h"

#include <immintrin.h>

#include <cstring>

namespace spotter::SPOTTER_ISA {
namespace {

constexpr int64_t kChannels = 16;    // channels that are transformed at once
constexpr int64_t kAhead = 2048;  // filters that are prefetched: the processor's own prefetching stops at the end of a page

#if defined(__AVX512VNNI__)
using Floats = __m512;
using Whole = __m512i;
inline Floats load(const float *from) { return _mm512_loadu_ps(from); }
inline Floats all(float value) { return _mm512_set1_ps(value); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Whole rounded(Floats value, Floats most) { return _mm512_cvtps_epi32(_mm512_min_ps(value, most)); }
#else
using Floats = __m256;
using Whole = __m256i;
inline Floats load(const float *from) { return _mm256_loadu_ps(from); }
inline Floats all(float value) { return _mm256_set1_ps(value); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Whole rounded(Floats value, Floats most) { return _mm256_cvtps_epi32(_mm256_min_ps(value, most)); }
#endif
constexpr int64_t kFloats = sizeof(Floats) / sizeof(float);  // outputs that are transformed back at once

struct Place {
    int64_t image, row, column;  // of a tile's first value
};

inline __m256i fourfold(__m256i value) { return _mm256_slli_epi16(value, 2); }

// Evaluates six values along a line at the points 0, 1, -1, 2, -2 and infinity.
inline void to_points(const __m256i (&d)[6], __m256i (&out)[6]) {
    const __m256i near_even = _mm256_sub_epi16(d[4], fourfold(d[2])), near_odd = _mm256_sub_epi16(d[3], fourfold(d[1]));
    const __m256i far_even = _mm256_sub_epi16(d[4], d[2]), rise = _mm256_sub_epi16(d[3], d[1]);
    const __m256i far_odd = _mm256_add_epi16(rise, rise);
    out[0] = _mm256_add_epi16(fourfold(_mm256_sub_epi16(d[0], d[2])), far_even);
    out[1] = _mm256_add_epi16(near_even, near_odd);
    out[2] = _mm256_sub_epi16(near_even, near_odd);
    out[3] = _mm256_add_epi16(far_even, far_odd);
    out[4] = _mm256_sub_epi16(far_even, far_odd);
    out[5] = _mm256_sub_epi16(_mm256_sub_epi16(d[5], d[3]), _mm256_add_epi16(far_odd, far_odd));
}

// And back: the line's four values.
inline void to_values(const Floats (&m)[6], Floats (&out)[kTile]) {
    const Floats near_even = m[1] + m[2], near_odd = m[1] - m[2], far_even = m[3] + m[4], far_odd = m[3] - m[4];
    out[0] = m[0] + near_even + far_even;
    out[1] = fma(all(2), far_odd, near_odd);
    out[2] = fma(all(4), far_even, near_even);
    out[3] = fma(all(8), far_odd, near_odd + m[5]);
}

// kChannels values; where a map has fewer channels left, the values beyond them are not used.
inline __m256i values_at(const uint8_t *values, bool half) {
    const auto *from = reinterpret_cast<const __m128i *>(values);
    return _mm256_cvtepu8_epi16(half ? _mm_loadl_epi64(from) : _mm_loadu_si128(from));
}

// Transforms the 6x6 values around a tile to the points, which are `apart` bytes from each other. kInside: all values
// are on the map; values outside count as its zero point, which contributes to one point only and is subtracted there.
// Writes up to kChannels - kLanes channels too many.
template <bool kInside>
void transform(const Convolution &job, const Place &place, char *to, int64_t apart) {
    const int64_t inputs = job.layer->inputs, row_size = job.width * inputs;
    const __m256i zero = _mm256_set1_epi16(static_cast<int16_t>(job.layer->input_zero));
    const __m256i surplus = _mm256_set1_epi16(static_cast<int16_t>(36 * job.layer->input_zero));
    const uint8_t *image = job.input + place.image * job.height * row_size;
    for (int64_t channel = 0; channel < inputs; channel += kChannels) {
        const bool half = inputs - channel < kChannels;
        __m256i lines[6][6], in[6], out[6];
        for (int64_t x = 0; x < 6; ++x) {
            const int64_t column = place.column - 1 + x;
            for (int64_t y = 0; y < 6; ++y) {
                const int64_t row = place.row - 1 + y;
                const bool there = kInside || (row >= 0 && row < job.height && column >= 0 && column < job.width);
                in[y] = there ? values_at(image + row * row_size + column * inputs + channel, half) : zero;
            }
            to_points(in, out);
            for (int64_t y = 0; y < 6; ++y) lines[y][x] = out[y];
        }
        for (int64_t y = 0; y < 6; ++y) {
            to_points(lines[y], out);
            if (y == 1) out[1] = _mm256_sub_epi16(out[1], surplus);
            for (int64_t x = 0; x < 6; ++x)
                _mm256_storeu_si256(reinterpret_cast<__m256i *>(to + (y * 6 + x) * apart + channel * 2), out[x]);
        }
    }
}

inline int pair_at(const int16_t *values) {
    int pair;
    std::memcpy(&pair, values, sizeof pair);
    return pair;
}

// kCount tiles by a panel: out[tile][kPanel] is, or grows by, unit[kPanel] * sum over `inputs` of
// in[tile][input] * panel[input][kPanel]. From a tile to the next it is `apart` values.
template <int kCount>
void multiply(const int16_t *in, int64_t apart, const int16_t *panel, int64_t inputs, const float *unit, bool more, float *out) {
    // (Loops that are unrolled late keep their sums in memory.)
#if defined(__AVX512VNNI__)
    __m512i sums[kCount];
#pragma GCC unroll 12
    for (int tile = 0; tile < kCount; ++tile) sums[tile] = _mm512_setzero_si512();
    for (int64_t input = 0; input < inputs; input += 2) {
        const __m512i filters = _mm512_load_si512(panel + input * kPanel);
        _mm_prefetch(panel + input * kPanel + kAhead, _MM_HINT_T0);
#pragma GCC unroll 12
        for (int tile = 0; tile < kCount; ++tile)
            sums[tile] = _mm512_dpwssd_epi32(sums[tile], filters, _mm512_set1_epi32(pair_at(in + tile * apart + input)));
    }
    const __m512 units = load(unit);
#pragma GCC unroll 12
    for (int tile = 0; tile < kCount; ++tile) {
        float *to = out + tile * kPanel;
        const __m512 before = more ? load(to) : _mm512_setzero_ps();
        _mm512_store_ps(to, fma(_mm512_cvtepi32_ps(sums[tile]), units, before));
    }
#else
    __m256i sums[kCount][2];
#pragma GCC unroll 6
    for (int tile = 0; tile < kCount; ++tile) sums[tile][0] = sums[tile][1] = _mm256_setzero_si256();
    for (int64_t input = 0; input < inputs; input += 2) {
        const auto *filters = reinterpret_cast<const __m256i *>(panel + input * kPanel);
        const __m256i first = _mm256_load_si256(filters), second = _mm256_load_si256(filters + 1);
        _mm_prefetch(panel + input * kPanel + kAhead, _MM_HINT_T0);
#pragma GCC unroll 6
        for (int tile = 0; tile < kCount; ++tile) {
            const __m256i pair = _mm256_set1_epi32(pair_at(in + tile * apart + input));
            sums[tile][0] = _mm256_add_epi32(sums[tile][0], _mm256_madd_epi16(pair, first));
            sums[tile][1] = _mm256_add_epi32(sums[tile][1], _mm256_madd_epi16(pair, second));
            // Tile by tile: products computed in advance would take the registers that the sums need.
            asm volatile("" : "+x"(sums[tile][0]), "+x"(sums[tile][1]));
        }
    }
#pragma GCC unroll 6
    for (int tile = 0; tile < kCount; ++tile)
        for (int half = 0; half < 2; ++half) {
            float *to = out + tile * kPanel + half * kFloats;
            const __m256 before = more ? load(to) : _mm256_setzero_ps();
            _mm256_store_ps(to, fma(_mm256_cvtepi32_ps(sums[tile][half]), load(unit + half * kFloats), before));
        }
#endif
}

using Multiply = void (*)(const int16_t *, int64_t, const int16_t *, int64_t, const float *, bool, float *);
#if defined(__AVX512VNNI__)
constexpr int64_t kAtOnce = 2 * kRowsAtOnce;
constexpr Multiply kMultiply[kAtOnce] = {multiply<1>, multiply<2>, multiply<3>, multiply<4>,  multiply<5>,  multiply<6>,
                                         multiply<7>, multiply<8>, multiply<9>, multiply<10>, multiply<11>, multiply<12>};
#else
constexpr int64_t kAtOnce = kRowsAtOnce;
constexpr Multiply kMultiply[kAtOnce] = {multiply<1>, multiply<2>, multiply<3>, multiply<4>, multiply<5>, multiply<6>};
#endif

// Converts four values along a line, kFloats outputs of each, to 8 bits: value by value, clipped in two steps.
inline void to_bytes(const Whole (&values)[kTile], int zero, uint8_t *to) {
#if defined(__AVX512VNNI__)
    const Whole zeros = _mm512_set1_epi16(static_cast<int16_t>(zero));
    const Whole first = _mm512_adds_epi16(_mm512_packs_epi32(values[0], values[1]), zeros);
    const Whole second = _mm512_adds_epi16(_mm512_packs_epi32(values[2], values[3]), zeros);
    const Whole order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_store_si512(to, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(first, second)));
#else
    const Whole zeros = _mm256_set1_epi16(static_cast<int16_t>(zero));
    const Whole first = _mm256_adds_epi16(_mm256_packs_epi32(values[0], values[1]), zeros);
    const Whole second = _mm256_adds_epi16(_mm256_packs_epi32(values[2], values[3]), zeros);
    const Whole order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_store_si256(reinterpret_cast<Whole *>(to),
                       _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), order));
#endif
}

// Transforms a panel of a tile back from the points, rounds it, and writes its values that are on the map.
void finish(const Convolution &job, const Place &place, const char *from, int64_t apart, int64_t first) {
    const Layer &layer = *job.layer;
    const int64_t rows = std::min(kTile, job.height - place.row), columns = std::min(kTile, job.width - place.column);
    uint8_t *values = job.output + ((place.image * job.height + place.row) * job.width + place.column) * layer.outputs;
    for (int64_t channel = 0; channel < kPanel; channel += kFloats) {
        Floats lines[kTile][6], in[6], out[kTile];
        for (int64_t x = 0; x < 6; ++x) {
            for (int64_t y = 0; y < 6; ++y) in[y] = load(reinterpret_cast<const float *>(from + (y * 6 + x) * apart) + channel);
            to_values(in, out);
            for (int64_t y = 0; y < kTile; ++y) lines[y][x] = out[y];
        }
        const Floats scale = load(layer.scale.data() + first + channel), bias = load(layer.bias.data() + first + channel);
        for (int64_t y = 0; y < rows; ++y) {
            to_values(lines[y], out);
            Whole whole[kTile];
            for (int64_t x = 0; x < kTile; ++x) whole[x] = rounded(fma(out[x], scale, bias), all(65536));
            alignas(kAlignment) uint8_t bytes[kTile * kFloats];
            to_bytes(whole, layer.output_zero, bytes);
            uint8_t *to = values + y * job.width * layer.outputs + first + channel;
            for (int64_t x = 0; x < columns; ++x) std::memcpy(to + x * layer.outputs, bytes + x * kFloats, kFloats);
        }
    }
}

}  // namespace

void convolve_unit(const Convolution &job, int64_t unit, void *work) {
    const Layer &layer = *job.layer;
    const int64_t part = unit % job.parts(), group = unit / job.parts();
    const int64_t inputs = layer.inputs, share = job.tiles_a_unit(), count = std::min(share, job.tiles() - group * share);
    const int64_t apart = job.values_apart(), products_apart = job.products_apart();
    char *values = static_cast<char *>(work), *products = values + kPoints * apart;
    Place places[kMostTiles];
    for (int64_t tile = 0; tile < count; ++tile) {
        const int64_t number = group * share + tile, along = job.tiles_along(), down = job.tiles_down();
        const Place place{number / (along * down), number / along % down * kTile, number % along * kTile};
        const bool inside = place.row > 0 && place.row + kTile < job.height && place.column > 0 &&
                            place.column + kTile < job.width;
        (inside ? transform<true> : transform<false>)(job, place, values + tile * inputs * 2, apart);
        places[tile] = place;
    }
    const int16_t *panel = layer.points->filters.data() + part * kPart * kPoints * inputs;
    const float *units = layer.points->units.data() + part * kPart * kPoints;
    for (int64_t output = part * kPart; output < std::min(layer.outputs, (part + 1) * kPart); output += kPanel) {
        for (int64_t point = 0; point < kPoints; ++point, panel += inputs * kPanel, units += kPanel)
            for (int64_t tile = 0; tile < count; tile += kAtOnce)
                for (int64_t input = 0; input < inputs; input += kChunk)
                    kMultiply[std::min(kAtOnce, count - tile) - 1](
                        reinterpret_cast<const int16_t *>(values + point * apart) + tile * inputs + input, inputs,
                        panel + input * kPanel, std::min(kChunk, inputs - input), units, input > 0,
                        reinterpret_cast<float *>(products + point * products_apart) + tile * kPanel);
        for (int64_t tile = 0; tile < count; ++tile)
            finish(job, places[tile], products + tile * kPanel * 4, products_apart, output);
    }
}

}  // namespace spotter::SPOTTER_ISA

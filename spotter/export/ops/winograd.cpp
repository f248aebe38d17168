// The filtering of QLinearConv3x3. Compiled once for each instruction set, SPOTTER_ISA naming the namespace.
#include "winograd.h"

#include <immintrin.h>

#include <cstring>

namespace spotter::SPOTTER_ISA {
namespace {

constexpr int64_t kCells = 16;   // channels that are brought to the points at once
constexpr int64_t kFloats = 8;   // and back
constexpr int64_t kAhead = 2048;  // filters that are fetched early: the processor by itself stops at the end of a page

struct Place {
    int64_t image, row, column;  // of a tile's first cell
};

inline __m256i fourfold(__m256i value) { return _mm256_slli_epi16(value, 2); }

// Six cells along a line, at the points 0, 1, -1, 2, -2 and infinity.
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

// And back: what the line's four cells sum up to.
inline void to_cells(const __m256 (&m)[6], __m256 (&out)[4]) {
    const __m256 two = _mm256_set1_ps(2), four = _mm256_set1_ps(4), eight = _mm256_set1_ps(8);
    const __m256 near_even = _mm256_add_ps(m[1], m[2]), near_odd = _mm256_sub_ps(m[1], m[2]);
    const __m256 far_even = _mm256_add_ps(m[3], m[4]), far_odd = _mm256_sub_ps(m[3], m[4]);
    out[0] = _mm256_add_ps(_mm256_add_ps(m[0], near_even), far_even);
    out[1] = _mm256_fmadd_ps(two, far_odd, near_odd);
    out[2] = _mm256_fmadd_ps(four, far_even, near_even);
    out[3] = _mm256_fmadd_ps(eight, far_odd, _mm256_add_ps(near_odd, m[5]));
}

// kCells cells; where a map has fewer channels left, what comes beyond is nothing that counts.
inline __m256i cells_at(const uint8_t *cells, bool half) {
    const auto *from = reinterpret_cast<const __m128i *>(cells);
    return _mm256_cvtepu8_epi16(half ? _mm_loadl_epi64(from) : _mm_loadu_si128(from));
}

// Brings the 6x6 cells around a tile to the points, which lie `apart` bytes from one another. kInside: all are on the
// map; those that are not count as its zero point, which adds up to something in one point alone and is taken away there.
// Writes up to kCells - kLanes channels too many.
template <bool kInside>
void transform(const Convolution &job, const Place &place, char *to, int64_t apart) {
    const int64_t inputs = job.layer->inputs, row_size = job.width * inputs;
    const __m256i zero = _mm256_set1_epi16(static_cast<int16_t>(job.layer->input_zero));
    const __m256i surplus = _mm256_set1_epi16(static_cast<int16_t>(36 * job.layer->input_zero));
    const uint8_t *image = job.input + place.image * job.height * row_size;
    for (int64_t channel = 0; channel < inputs; channel += kCells) {
        const bool half = inputs - channel < kCells;
        __m256i lines[6][6], in[6], out[6];
        for (int64_t x = 0; x < 6; ++x) {
            const int64_t column = place.column - 1 + x;
            for (int64_t y = 0; y < 6; ++y) {
                const int64_t row = place.row - 1 + y;
                const bool there = kInside || (row >= 0 && row < job.height && column >= 0 && column < job.width);
                in[y] = there ? cells_at(image + row * row_size + column * inputs + channel, half) : zero;
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

inline int pair_at(const int16_t *cells) {
    int pair;
    std::memcpy(&pair, cells, sizeof pair);
    return pair;
}

// kCount tiles by a panel: out[tile][kPanel] is, or grows by, unit[kPanel] * sum over `inputs` of
// in[tile][input] * panel[input][kPanel]. From a tile to the next it is `apart` cells.
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
    const __m512 units = _mm512_load_ps(unit);
#pragma GCC unroll 12
    for (int tile = 0; tile < kCount; ++tile) {
        float *to = out + tile * kPanel;
        const __m512 before = more ? _mm512_load_ps(to) : _mm512_setzero_ps();
        _mm512_store_ps(to, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[tile]), units, before));
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
            // Tile by tile: products made ahead of their turn would take the registers that the sums need.
            asm volatile("" : "+x"(sums[tile][0]), "+x"(sums[tile][1]));
        }
    }
#pragma GCC unroll 6
    for (int tile = 0; tile < kCount; ++tile)
        for (int half = 0; half < 2; ++half) {
            float *to = out + tile * kPanel + half * kFloats;
            const __m256 before = more ? _mm256_load_ps(to) : _mm256_setzero_ps();
            _mm256_store_ps(to, _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[tile][half]), _mm256_load_ps(unit + half * kFloats), before));
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

// Four cells along a line, kFloats outputs of each, to 8 bits: cell by cell, clipped twice on the way.
inline __m256i to_bytes(const __m256i (&cells)[kTile], __m256i zero) {
    const __m256i first = _mm256_adds_epi16(_mm256_packs_epi32(cells[0], cells[1]), zero);
    const __m256i second = _mm256_adds_epi16(_mm256_packs_epi32(cells[2], cells[3]), zero);
    return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

// Brings a panel of a tile back from the points, rounds it, and writes those of its cells that are on the map.
void finish(const Convolution &job, const Place &place, const char *from, int64_t apart, int64_t first) {
    const Layer &layer = *job.layer;
    const int64_t rows = std::min(kTile, job.height - place.row), columns = std::min(kTile, job.width - place.column);
    uint8_t *cells = job.output + ((place.image * job.height + place.row) * job.width + place.column) * layer.outputs;
    const __m256 most = _mm256_set1_ps(65536.0f);
    const __m256i zero = _mm256_set1_epi16(static_cast<int16_t>(layer.output_zero));
    for (int64_t channel = 0; channel < kPanel; channel += kFloats) {
        __m256 lines[kTile][6], in[6], out[kTile];
        for (int64_t x = 0; x < 6; ++x) {
            for (int64_t y = 0; y < 6; ++y)
                in[y] = _mm256_load_ps(reinterpret_cast<const float *>(from + (y * 6 + x) * apart) + channel);
            to_cells(in, out);
            for (int64_t y = 0; y < kTile; ++y) lines[y][x] = out[y];
        }
        const __m256 scale = _mm256_loadu_ps(layer.scale.data() + first + channel);
        const __m256 bias = _mm256_loadu_ps(layer.bias.data() + first + channel);
        for (int64_t y = 0; y < rows; ++y) {
            to_cells(lines[y], out);
            __m256i whole[kTile];
            for (int64_t x = 0; x < kTile; ++x)
                whole[x] = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_fmadd_ps(out[x], scale, bias), most));
            alignas(32) uint8_t bytes[kTile * kFloats];
            const __m256i rounded = to_bytes(whole, zero);
            uint8_t *to = cells + y * job.width * layer.outputs + first + channel;
            if (columns == kTile) {
                const __m128i near = _mm256_castsi256_si128(rounded), far = _mm256_extracti128_si256(rounded, 1);
                _mm_storel_epi64(reinterpret_cast<__m128i *>(to), near);
                _mm_storeh_pd(reinterpret_cast<double *>(to + layer.outputs), _mm_castsi128_pd(near));
                _mm_storel_epi64(reinterpret_cast<__m128i *>(to + 2 * layer.outputs), far);
                _mm_storeh_pd(reinterpret_cast<double *>(to + 3 * layer.outputs), _mm_castsi128_pd(far));
                continue;
            }
            _mm256_store_si256(reinterpret_cast<__m256i *>(bytes), rounded);
            for (int64_t x = 0; x < columns; ++x) std::memcpy(to + x * layer.outputs, bytes + x * kFloats, kFloats);
        }
    }
}

}  // namespace

void convolve_unit(const Convolution &job, int64_t unit, void *work) {
    const Layer &layer = *job.layer;
    const int64_t part = unit % job.parts(), group = unit / job.parts();
    const int64_t inputs = layer.inputs, share = job.tiles_a_unit(), count = std::min(share, job.tiles() - group * share);
    const int64_t apart = job.cells_apart(), products_apart = job.products_apart();
    char *cells = static_cast<char *>(work), *products = cells + kPoints * apart;
    Place places[kMostTiles];
    for (int64_t tile = 0; tile < count; ++tile) {
        const int64_t number = group * share + tile, along = job.tiles_along(), down = job.tiles_down();
        const Place place{number / (along * down), number / along % down * kTile, number % along * kTile};
        const bool inside = place.row > 0 && place.row + kTile < job.height && place.column > 0 &&
                            place.column + kTile < job.width;
        (inside ? transform<true> : transform<false>)(job, place, cells + tile * inputs * 2, apart);
        places[tile] = place;
    }
    const int16_t *panel = layer.points->filters.data() + part * kPart * kPoints * inputs;
    const float *units = layer.points->units.data() + part * kPart * kPoints;
    for (int64_t output = part * kPart; output < std::min(layer.outputs, (part + 1) * kPart); output += kPanel) {
        for (int64_t point = 0; point < kPoints; ++point, panel += inputs * kPanel, units += kPanel)
            for (int64_t tile = 0; tile < count; tile += kAtOnce)
                for (int64_t input = 0; input < inputs; input += kChunk)
                    kMultiply[std::min(kAtOnce, count - tile) - 1](
                        reinterpret_cast<const int16_t *>(cells + point * apart) + tile * inputs + input, inputs,
                        panel + input * kPanel, std::min(kChunk, inputs - input), units, input > 0,
                        reinterpret_cast<float *>(products + point * products_apart) + tile * kPanel);
        for (int64_t tile = 0; tile < count; ++tile)
            finish(job, places[tile], products + tile * kPanel * 4, products_apart, output);
    }
}

}  // namespace spotter::SPOTTER_ISA

// A recogniser's blocks. Compiled once for each instruction set, SPOTTER_ISA naming the namespace; all give the same
// bits, except the depthwise convolution where there is no fused multiply-add.
#include "block.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cmath>
#include <cstring>

namespace spotter::block::SPOTTER_ISA {
namespace {

constexpr float kMost = 65536;  // above every 8-bit value, and within the range of an integer

// Sixteen channels at one position, independent of the registers' size.
typedef float Lanes __attribute__((vector_size(64)));

inline Lanes load(const float *from) {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}
inline void store(float *to, Lanes lanes) { std::memcpy(to, &lanes, sizeof lanes); }

#if defined(__AVX512VNNI__)
using Value = uint8_t;
constexpr int64_t kGroup = 4;
constexpr Form kShape{kGroup, 4, 1, true};

inline void to_values(Lanes floats, __m512 per_unit, __m512 zero, Value *to) {
    const __m512 wide = _mm512_fmadd_ps(reinterpret_cast<__m512>(floats), per_unit, zero);
    const __m512i whole = _mm512_cvtps_epi32(_mm512_min_ps(wide, _mm512_set1_ps(kMost)));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm512_cvtusepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512())));
}

// Sums at kRows positions for kPanels panels.
template <int kPanels>
struct Sums {
    __m512i of[kRows][kPanels];
};

template <int kPanels>
[[gnu::always_inline]] inline Sums<kPanels> summed(const Value *values, int64_t apart, const char *weights, int64_t count,
                                                   const int32_t *start) {
    Sums<kPanels> sums;
#pragma GCC unroll 6
    for (int row = 0; row < kRows; ++row)
#pragma GCC unroll 4
        for (int panel = 0; panel < kPanels; ++panel) sums.of[row][panel] = _mm512_load_si512(start + panel * kPanel);
    for (int64_t place = 0; place < count; place += 4) {
        __m512i now[kPanels];
#pragma GCC unroll 4
        for (int panel = 0; panel < kPanels; ++panel) now[panel] = _mm512_load_si512(weights + panel * 64);
        weights += kPanels * 64;
#pragma GCC unroll 6
        for (int row = 0; row < kRows; ++row) {
            int four;
            std::memcpy(&four, values + row * apart + place, sizeof four);
            const __m512i value = _mm512_set1_epi32(four);
#pragma GCC unroll 4
            for (int panel = 0; panel < kPanels; ++panel)
                sums.of[row][panel] = _mm512_dpbusd_epi32(sums.of[row][panel], value, now[panel]);
        }
    }
    return sums;
}

class Table {
  public:
    explicit Table(const uint8_t *table) : bytes_(table) {
#if defined(__AVX512VBMI__)
        for (int part = 0; part < 4; ++part) parts_[part] = _mm512_loadu_si512(table + 64 * part);
#endif
    }
    [[gnu::always_inline]] void look_up(__m512i index, Value *to) const {
#if defined(__AVX512VBMI__)
        const __m512i low = _mm512_permutex2var_epi8(parts_[0], index, parts_[1]);
        const __m512i high = _mm512_permutex2var_epi8(parts_[2], index, parts_[3]);
        _mm512_storeu_si512(to, _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high));
#else
        alignas(64) uint8_t places[64];
        _mm512_store_si512(places, index);
        for (int each = 0; each < 64; ++each) to[each] = bytes_[places[each]];
#endif
    }

  private:
    [[maybe_unused]] const uint8_t *bytes_;
#if defined(__AVX512VBMI__)
    __m512i parts_[4];
#endif
};

// Up to four panels of the middle channels, at kRows positions.
template <int kPanels>
void up(const Layer &layer, const Table &table, const Value *values, const char *weights, int64_t first, Value *middle, int64_t apart) {
    const Sums<kPanels> sums = summed<kPanels>(values, layer.inputs, weights, layer.inputs, layer.up_start.data() + first);
#pragma GCC unroll 6
    for (int row = 0; row < kRows; ++row) {
        __m512i whole[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
#pragma GCC unroll 4
        for (int panel = 0; panel < kPanels; ++panel) {
            const __m512 factor = _mm512_load_ps(layer.up_factor.data() + first + panel * kPanel);
            const __m512 shift = _mm512_load_ps(layer.up_shift.data() + first + panel * kPanel);
            whole[panel] = _mm512_cvtps_epi32(_mm512_fmadd_ps(_mm512_cvtepi32_ps(sums.of[row][panel]), factor, shift));
        }
        const __m512i index = _mm512_packs_epi16(_mm512_packs_epi32(whole[0], whole[1]), _mm512_packs_epi32(whole[2], whole[3]));
        table.look_up(index, middle + row * apart + first);
    }
}

struct Out {
    const float *base;    // of each position, what is added; or null
    const float *mask;    // of each position
    float *const *to;     // of each position
    int64_t count;        // of positions
};

template <int kPanels>
void down(const Layer &layer, const Value *middle, int64_t apart, const char *weights, int64_t first, const Out &out) {
    const Sums<kPanels> sums = summed<kPanels>(middle, apart, weights, apart, layer.down_start.data() + first);
#pragma GCC unroll 6
    for (int row = 0; row < kRows; ++row) {
        if (row >= out.count) break;
        const __m512 mask = _mm512_set1_ps(out.mask[row]);
#pragma GCC unroll 4
        for (int panel = 0; panel < kPanels; ++panel) {
            const int64_t place = first + panel * kPanel;
            __m512 sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums.of[row][panel]), _mm512_load_ps(layer.down_factor.data() + place),
                                         _mm512_load_ps(layer.down_bias.data() + place));
            if (out.base != nullptr) sum = _mm512_add_ps(sum, _mm512_load_ps(out.base + row * layer.outputs + place));
            _mm512_storeu_ps(out.to[row] + place, _mm512_mul_ps(sum, mask));
        }
    }
}

using Up = void (*)(const Layer &, const Table &, const Value *, const char *, int64_t, Value *, int64_t);
using Down = void (*)(const Layer &, const Value *, int64_t, const char *, int64_t, const Out &);
constexpr Up kUp[kGroup] = {up<1>, up<2>, up<3>, up<4>};
constexpr Down kDown[kGroup] = {down<1>, down<2>, down<3>, down<4>};
using Factor = __m512;
inline Factor factor_of(float value) { return _mm512_set1_ps(value); }

#elif defined(__AVX2__)
using Value = int16_t;
constexpr int64_t kGroup = 1;
constexpr Form kShape{kGroup, 2, 2, false};

using Factor = __m256;
inline Factor factor_of(float value) { return _mm256_set1_ps(value); }

inline void to_values(Lanes floats, Factor per_unit, Factor zero, Value *to) {
    __m256 halves[2];
    std::memcpy(halves, &floats, sizeof floats);
    __m256i whole[2];
    for (int half = 0; half < 2; ++half)
        whole[half] = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_fmadd_ps(halves[half], per_unit, zero), _mm256_set1_ps(kMost)));
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(whole[0], whole[1]), 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), _mm256_min_epu16(words, _mm256_set1_epi16(255)));
}

struct Sums {
    __m256i of[kRows][2];
};

[[gnu::always_inline]] inline Sums summed(const Value *values, int64_t apart, const char *weights, int64_t count, const int32_t *start) {
    Sums sums;
#pragma GCC unroll 6
    for (int row = 0; row < kRows; ++row)
        for (int half = 0; half < 2; ++half)
            sums.of[row][half] = _mm256_load_si256(reinterpret_cast<const __m256i *>(start + half * 8));
    for (int64_t place = 0; place < count; place += 2) {
        const auto *now = reinterpret_cast<const __m256i *>(weights + place * kPanel * 2);
        const __m256i first = _mm256_load_si256(now), second = _mm256_load_si256(now + 1);
#pragma GCC unroll 6
        for (int row = 0; row < kRows; ++row) {
            int two;
            std::memcpy(&two, values + row * apart + place, sizeof two);
            const __m256i pair = _mm256_set1_epi32(two);
            sums.of[row][0] = _mm256_add_epi32(sums.of[row][0], _mm256_madd_epi16(pair, first));
            sums.of[row][1] = _mm256_add_epi32(sums.of[row][1], _mm256_madd_epi16(pair, second));
            // Row by row: products computed in advance would take the registers that the sums need.
            asm volatile("" : "+x"(sums.of[row][0]), "+x"(sums.of[row][1]));
        }
    }
    return sums;
}

using Table = const uint8_t *;

void up(const Layer &layer, const Table &table, const Value *values, const char *weights, int64_t first, Value *middle, int64_t apart) {
    const Sums sums = summed(values, layer.inputs, weights, layer.inputs, layer.up_start.data() + first);
    for (int row = 0; row < kRows; ++row) {
        __m256i whole[2];
        for (int half = 0; half < 2; ++half)
            whole[half] = _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(sums.of[row][half]),
                                                             _mm256_load_ps(layer.up_factor.data() + first + half * 8),
                                                             _mm256_load_ps(layer.up_shift.data() + first + half * 8)));
        const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(whole[0], whole[1]), 0xd8);
        alignas(16) uint8_t index[kPanel];
        _mm_store_si128(reinterpret_cast<__m128i *>(index),
                        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
        Value *to = middle + row * apart + first;
        for (int each = 0; each < kPanel; ++each) to[each] = table[index[each]];
    }
}

struct Out {
    const float *base, *mask;
    float *const *to;
    int64_t count;
};

void down(const Layer &layer, const Value *middle, int64_t apart, const char *weights, int64_t first, const Out &out) {
    const Sums sums = summed(middle, apart, weights, apart, layer.down_start.data() + first);
    for (int row = 0; row < out.count; ++row)
        for (int half = 0; half < 2; ++half) {
            const int64_t place = first + half * 8;
            __m256 sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums.of[row][half]), _mm256_load_ps(layer.down_factor.data() + place),
                                         _mm256_load_ps(layer.down_bias.data() + place));
            if (out.base != nullptr) sum = _mm256_add_ps(sum, _mm256_loadu_ps(out.base + row * layer.outputs + place));
            _mm256_storeu_ps(out.to[row] + place, _mm256_mul_ps(sum, _mm256_set1_ps(out.mask[row])));
        }
}

using Up = void (*)(const Layer &, const Table &, const Value *, const char *, int64_t, Value *, int64_t);
using Down = void (*)(const Layer &, const Value *, int64_t, const char *, int64_t, const Out &);
constexpr Up kUp[kGroup] = {up};
constexpr Down kDown[kGroup] = {down};

#else
using Value = uint8_t;
constexpr int64_t kGroup = 1;
constexpr Form kShape{kGroup, 1, 1, false};

using Factor = float;
inline Factor factor_of(float value) { return value; }

// Rounds to the nearest integer, ties to even.
inline int whole_of(float value) { return static_cast<int>(std::nearbyint(std::min(std::max(value, -kMost), kMost))); }

inline void to_values(Lanes floats, Factor per_unit, Factor zero, Value *to) {
    for (int each = 0; each < kPanel; ++each)
        to[each] = static_cast<Value>(std::min(255, std::max(0, whole_of(std::fma(floats[each], per_unit, zero)))));
}

using Table = const uint8_t *;

inline void summed(const Value *values, const char *weights, int64_t count, const int32_t *start, int32_t (&sums)[kPanel]) {
    std::copy_n(start, kPanel, sums);
    for (int64_t place = 0; place < count; ++place, weights += kPanel)
        for (int each = 0; each < kPanel; ++each) sums[each] += values[place] * static_cast<int8_t>(weights[each]);
}

void up(const Layer &layer, const Table &table, const Value *values, const char *weights, int64_t first, Value *middle, int64_t apart) {
    for (int row = 0; row < kRows; ++row) {
        int32_t sums[kPanel];
        summed(values + row * layer.inputs, weights, layer.inputs, layer.up_start.data() + first, sums);
        for (int each = 0; each < kPanel; ++each) {
            const size_t place = static_cast<size_t>(first + each);
            const int index = whole_of(std::fma(static_cast<float>(sums[each]), layer.up_factor[place], layer.up_shift[place]));
            middle[row * apart + first + each] = table[static_cast<uint8_t>(std::min(127, std::max(-128, index)))];
        }
    }
}

struct Out {
    const float *base, *mask;
    float *const *to;
    int64_t count;
};

void down(const Layer &layer, const Value *middle, int64_t apart, const char *weights, int64_t first, const Out &out) {
    for (int row = 0; row < out.count; ++row) {
        int32_t sums[kPanel];
        summed(middle + row * apart, weights, apart, layer.down_start.data() + first, sums);
        for (int64_t each = 0; each < kPanel; ++each) {
            const size_t place = static_cast<size_t>(first + each);
            float sum = std::fma(static_cast<float>(sums[each]), layer.down_factor[place], layer.down_bias[place]);
            if (out.base != nullptr) sum += out.base[row * layer.outputs + first + each];
            out.to[row][place] = sum * out.mask[row];
        }
    }
}

using Up = void (*)(const Layer &, const Table &, const Value *, const char *, int64_t, Value *, int64_t);
using Down = void (*)(const Layer &, const Value *, int64_t, const char *, int64_t, const Out &);
constexpr Up kUp[kGroup] = {up};
constexpr Down kDown[kGroup] = {down};
#endif

// The depthwise convolution of kCount consecutive columns. from: for each of the filter's rows, and for each column
// with one more at either end, the channels at that position.
template <int kCount>
void convolve(const Layer &layer, const float *const (&from)[3][6], const float *factors, Factor per_unit, Factor zero, float *floats,
              Value *values) {
    const int64_t inputs = layer.inputs;
    for (int64_t channel = 0; channel < inputs; channel += kPanel) {
        Lanes sums[kCount];
        const Lanes bias = load(layer.tap_bias.data() + channel);
        for (int each = 0; each < kCount; ++each) sums[each] = bias;
#pragma GCC unroll 3
        for (int row = 0; row < 3; ++row) {
            const float *taps = layer.taps.data() + row * 3 * inputs + channel;
            const Lanes left = load(taps), middle = load(taps + inputs), right = load(taps + 2 * inputs);
#pragma GCC unroll 6
            for (int column = 0; column < kCount + 2; ++column) {
                const Lanes there = load(from[row][column] + channel);
                if (column < kCount) sums[column] += left * there;
                if (column >= 1 && column <= kCount) sums[column - 1] += middle * there;
                if (column >= 2) sums[column - 2] += right * there;
            }
        }
        for (int each = 0; each < kCount; ++each) {
            if (factors != nullptr) sums[each] *= load(factors + each * inputs + channel);
            store(floats + each * inputs + channel, sums[each]);
            to_values(sums[each], per_unit, zero, values + each * inputs + channel);
        }
    }
}

using Convolve = void (*)(const Layer &, const float *const (&)[3][6], const float *, Factor, Factor, float *, Value *);
constexpr Convolve kConvolve[4] = {convolve<1>, convolve<2>, convolve<3>, convolve<4>};

}  // namespace

const Form kForm = kShape;

void run_unit(const Job &job, int64_t unit, void *work) {
    const Layer &layer = *job.layer;
    const int64_t rows = job.rows_of_y(), inputs = layer.inputs, outputs = layer.outputs;
    const int64_t strip = unit / (job.batch * rows), image = unit / rows % job.batch, row = unit % rows;
    const int32_t *live = job.live + strip * kColumns;
    const int64_t count = std::min(kColumns, job.live_count - strip * kColumns), apart = room_of(kShape, layer.middle);

    float *floats = static_cast<float *>(work), *nothing = floats + kColumns * inputs;
    Value *values = reinterpret_cast<Value *>(nothing + inputs), *middle = values + kColumns * inputs;
    std::fill_n(nothing, inputs, 0.0f);
    const Factor per_unit = factor_of(layer.per_unit), zero = factor_of(layer.zero);
    const float *x = job.x + image * job.rows * job.columns * inputs;
    for (int64_t done = 0; done < count;) {
        int64_t next = 1;
        while (next < 4 && done + next < count && live[done + next] == live[done] + next) ++next;
        const float *from[3][6];
        for (int64_t y = 0; y < 3; ++y)
            for (int64_t each = 0; each < next + 2; ++each) {
                const int64_t at_row = row * layer.stride + y - 1, at_column = live[done] + each - 1;
                const bool there = at_row >= 0 && at_row < job.rows && at_column >= 0 && at_column < job.columns;
                from[y][each] = there ? x + (at_row * job.columns + at_column) * inputs : nothing;
            }
        const float *factors = job.factors == nullptr ? nullptr : job.factors + live[done] * inputs;
        kConvolve[next - 1](layer, from, factors, per_unit, zero, floats + done * inputs, values + done * inputs);
        done += next;
    }

    const int64_t whole = (count + kRows - 1) / kRows * kRows;  // positions beyond `count` are computed, but not used
    const Table table(layer.table);
    const char *weights = layer.up->data();
    for (int64_t first = 0; first < layer.middle; first += kGroup * kPanel) {
        const int64_t panels = std::min(kGroup, (layer.middle - first) / kPanel);
        for (int64_t done = 0; done < whole; done += kRows)
            kUp[panels - 1](layer, table, values + done * inputs, weights, first, middle + done * apart, apart);
        weights += panels * kPanel * inputs * kShape.bytes;
    }
    weights = layer.down->data();
    float *y = job.y + (image * rows + row) * job.columns * outputs;
    float masks[kColumns], *to[kColumns];
    for (int64_t each = 0; each < count; ++each) {
        masks[each] = job.mask[live[each]];
        to[each] = y + live[each] * outputs;
    }
    for (int64_t first = 0; first < outputs; first += kGroup * kPanel) {
        const int64_t panels = std::min(kGroup, (outputs - first) / kPanel);
        for (int64_t done = 0; done < whole; done += kRows)
            kDown[panels - 1](layer, middle + done * apart, apart, weights, first,
                              {layer.residual ? floats + done * inputs : nullptr, masks + done, to + done, std::min(kRows, count - done)});
        weights += panels * kPanel * apart * kShape.bytes;
    }
}

// Convolves sums over rows: a row of the filter covers all rows of the map, without the first or the last one.
void mean_unit(const Means &job, int64_t unit, void *work) {
    const int64_t channels = job.channels, begin = unit * kColumns, end = std::min(job.columns, begin + kColumns);
    float *sums = static_cast<float *>(work);  // [columns + 2, 3, channels]
    const float share = 1.0f / static_cast<float>(job.batch * job.rows);
    for (int64_t column = begin - 1; column <= end; ++column) {
        float *here = sums + (column - begin + 1) * 3 * channels;
        std::fill_n(here, 3 * channels, 0.0f);
        if (column < 0 || column >= job.columns) continue;
        for (int64_t image = 0; image < job.batch; ++image) {
            const float *first = job.x + (image * job.rows * job.columns + column) * channels;
            const int64_t apart = job.columns * channels;
            for (int64_t channel = 0; channel < channels; channel += kPanel) {
                Lanes above = {}, all = {}, below = {};
                for (int64_t row = 0; row < job.rows; ++row) {
                    const Lanes there = load(first + row * apart + channel);
                    if (row + 1 < job.rows) above += there;
                    if (row > 0) below += there;
                    all += there;
                }
                store(here + channel, load(here + channel) + above);
                store(here + channels + channel, load(here + channels + channel) + all);
                store(here + 2 * channels + channel, load(here + 2 * channels + channel) + below);
            }
        }
    }
    for (int64_t column = begin; column < end; ++column)
        for (int64_t channel = 0; channel < channels; channel += kPanel) {
            Lanes sum = {};
            for (int64_t row = 0; row < 3; ++row)
                for (int64_t along = 0; along < 3; ++along)
                    sum += load(job.taps + (row * 3 + along) * channels + channel) *
                           load(sums + ((column - begin + along) * 3 + row) * channels + channel);
            store(job.y + column * channels + channel, sum * share + load(job.bias + channel));
        }
}

}  // namespace spotter::block::SPOTTER_ISA

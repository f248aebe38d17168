// The sampling on the CPU. Compiled once for each instruction set, SPOTTER_ISA naming the namespace.
#include "sample.h"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace spotter::SPOTTER_ISA {
namespace {

constexpr int kBlock = 1024;  // bins whose taps are kept; their 20 KiB fit into the L1 cache
constexpr int kLanes = 4;

struct TapTable {
    alignas(16) int32_t offset[kBlock];
    alignas(16) float upper_left[kBlock], upper_right[kBlock], lower_left[kBlock], lower_right[kBlock];

    void set(int bin, const Taps &taps) {
        offset[bin] = taps.offset;
        upper_left[bin] = taps.upper_left;
        upper_right[bin] = taps.upper_right;
        lower_left[bin] = taps.lower_left;
        lower_right[bin] = taps.lower_right;
    }
};

inline float to_float(float value) { return value; }
inline void store(float *to, float value) { *to = value; }

#if defined(__F16C__)
inline float to_float(Half value) { return _cvtsh_ss(value.bits); }
inline void store(Half *to, float value) { to->bits = _cvtss_sh(value, 0); }
#else
inline float to_float(Half value) {
    const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16, unsigned_bits = value.bits & 0x7fffu;
    uint32_t bits;
    if (unsigned_bits >= 0x7c00u) {
        bits = sign | 0x7f800000u | (unsigned_bits & 0x3ffu) << 13;
    } else if (unsigned_bits >= 0x400u) {
        bits = sign | ((unsigned_bits << 13) + (112u << 23));
    } else {  // subnormal: a multiple of 2^-24
        const float small = static_cast<float>(unsigned_bits) * 0x1p-24f;
        std::memcpy(&bits, &small, 4);
        bits |= sign;
    }
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
}

inline void store(Half *to, float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    const uint32_t sign = bits >> 16 & 0x8000u, unsigned_bits = bits & 0x7fffffffu;
    uint32_t half;
    if (unsigned_bits > 0x7f800000u) {
        half = 0x7e00u;
    } else if (unsigned_bits >= 0x477ff000u) {  // rounds to more than 65504
        half = 0x7c00u;
    } else if (unsigned_bits >= 0x38800000u) {  // to nearest, ties to even
        half = (unsigned_bits - (112u << 23) + 0xfffu + (unsigned_bits >> 13 & 1u)) >> 13;
    } else {
        float magnitude;
        std::memcpy(&magnitude, &unsigned_bits, 4);
        half = static_cast<uint32_t>(std::nearbyint(magnitude * 0x1p24f));
    }
    to->bits = static_cast<uint16_t>(sign | half);
}
#endif

#if defined(__SSE2__)
// The pairs at four offsets, as four left and four right elements.
inline void read_pairs(const float *elements, const int64_t *offset, __m128 &left, __m128 &right) {
    const auto pair = [&](int lane) { return reinterpret_cast<const __m64 *>(elements + offset[lane]); };
    const __m128 first = _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(pair(0)))), pair(1));
    const __m128 second = _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(pair(2)))), pair(3));
    left = _mm_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0));
    right = _mm_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1));
}

inline void write(float *to, __m128 values) { _mm_storeu_ps(to, values); }

#if defined(__F16C__)
inline void read_pairs(const Half *elements, const int64_t *offset, __m128 &left, __m128 &right) {
    const auto pair = [&](int lane) {
        int32_t bits;
        std::memcpy(&bits, elements + offset[lane], 4);
        return bits;
    };
    const __m256 pairs = _mm256_cvtph_ps(_mm_setr_epi32(pair(0), pair(1), pair(2), pair(3)));
    const __m128 first = _mm256_castps256_ps128(pairs), second = _mm256_extractf128_ps(pairs, 1);
    left = _mm_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0));
    right = _mm_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1));
}

inline void write(Half *to, __m128 values) { _mm_storel_epi64(reinterpret_cast<__m128i *>(to), _mm_cvtps_ph(values, 0)); }
#endif
#endif

// `count` bins of one row of a patch, from one channel of a map whose row below is `below` elements on (0 in a map of one
// row) and whose next column is `next_column` elements on (0 in a map of one column).
template <class T>
inline void read_one(const T *elements, int64_t below, int64_t next_column, const TapTable &taps, int bin, T *to) {
    const T *upper = elements + taps.offset[bin], *lower = upper + below;
    store(to, taps.upper_left[bin] * to_float(upper[0]) + taps.upper_right[bin] * to_float(upper[next_column]) +
                  taps.lower_left[bin] * to_float(lower[0]) + taps.lower_right[bin] * to_float(lower[next_column]));
}

#if defined(__SSE2__)
#if defined(__F16C__)
template <class T> constexpr bool kVector = true;
#else
template <class T> constexpr bool kVector = sizeof(T) == 4;
#endif
#else
template <class T> constexpr bool kVector = false;
#endif

// `count` bins of one row, from kTogether channels of a map that lie `map_step` apart, into as many of the patch. The
// taps are loaded once for these channels; more of them would compete for the same lines of the cache, since maps tend
// to be whole pages.
constexpr int kTogether = 4;

template <class T, int channels>
void read_row(const T *elements, int64_t map_step, int64_t below, int64_t next_column, const TapTable &taps, int first,
              int count, T *to, int64_t patch_step) {
    int bin = 0;
#if defined(__SSE2__)
    if constexpr (kVector<T>) {
        const uintptr_t ahead = static_cast<uintptr_t>(channels * map_step) * sizeof(T);
        for (; next_column == 1 && bin + kLanes <= count; bin += kLanes) {
            const int at = first + bin;
            const int64_t offset[kLanes] = {taps.offset[at], taps.offset[at + 1], taps.offset[at + 2],
                                            taps.offset[at + 3]};
            const __m128 upper_left = _mm_loadu_ps(taps.upper_left + at);
            const __m128 upper_right = _mm_loadu_ps(taps.upper_right + at);
            const __m128 lower_left = _mm_loadu_ps(taps.lower_left + at);
            const __m128 lower_right = _mm_loadu_ps(taps.lower_right + at);
            for (int channel = 0; channel < channels; ++channel) {
                const T *plane = elements + channel * map_step;
                __m128 left, right, left_below, right_below;
                // The next channels' elements, which the processor cannot predict. An address beyond the maps does no
                // harm.
                const uintptr_t next = reinterpret_cast<uintptr_t>(plane) + ahead;
                _mm_prefetch(reinterpret_cast<const char *>(next + static_cast<uintptr_t>(offset[0]) * sizeof(T)), _MM_HINT_T0);
                _mm_prefetch(reinterpret_cast<const char *>(next + static_cast<uintptr_t>(below + offset[kLanes - 1]) * sizeof(T)), _MM_HINT_T0);
                read_pairs(plane, offset, left, right);
                read_pairs(plane + below, offset, left_below, right_below);
                const __m128 above = _mm_add_ps(_mm_mul_ps(upper_left, left), _mm_mul_ps(upper_right, right));
                const __m128 under =
                    _mm_add_ps(_mm_mul_ps(lower_left, left_below), _mm_mul_ps(lower_right, right_below));
                write(to + channel * patch_step + bin, _mm_add_ps(above, under));
            }
        }
    }
#endif
    for (int channel = 0; channel < channels; ++channel)
        for (int last = bin; last < count; ++last)
            read_one(elements + channel * map_step, below, next_column, taps, first + last, to + channel * patch_step + last);
}

template <class T>
void clear(T *to, int64_t count) {
    std::memset(static_cast<void *>(to), 0, static_cast<size_t>(count) * sizeof(T));
}

// Fills the taps of `count` bins of a row, from its column `column` on.
template <class T>
void place(const Job<T> &job, int64_t region, int64_t row, int64_t column, int64_t filled, int count, TapTable &taps,
           int first) {
    const int32_t height = static_cast<int32_t>(job.maps.height), width = static_cast<int32_t>(job.maps.width);
    if (job.rotation == nullptr) {
        const float *grid = job.places + ((region * job.size.rows + row) * job.size.columns + column) * 2;
        for (int bin = 0; bin < count; ++bin)
            taps.set(first + bin, taps_at(grid[2 * bin], grid[2 * bin + 1], height, width));
        return;
    }
    const Line line = row_of_box(job.places + region * job.rotation->box_numbers, *job.rotation, row);
    for (int bin = 0; bin < count; ++bin) {
        const float u = (static_cast<float>(column + bin) + 0.5f) / static_cast<float>(filled) - 0.5f;
        taps.set(first + bin, taps_at(line.x0 + u * line.dx, line.y0 + u * line.dy, height, width));
    }
}

template <class T>
void run(const Job<T> &job, int64_t unit) {
    const Maps &maps = job.maps;
    const Patches &size = job.size;
    const int64_t region = unit / job.units_a_region();
    const int64_t channel = unit % job.units_a_region() * job.channels_a_unit;
    const int64_t channels = std::min(job.channels_a_unit, maps.channels - channel);
    const int64_t plane = maps.height * maps.width, bins = size.rows * size.columns;
    T *patch = job.patches + (region * maps.channels + channel) * bins;
    const int64_t image = job.image_index[region];
    if (image < 0 || image >= maps.batch || plane == 0) {
        clear(patch, channels * bins);
        return;
    }
    const T *elements = job.features + (image * maps.channels + channel) * plane;
    const int64_t below = maps.height > 1 ? maps.width : 0, next_column = maps.width > 1 ? 1 : 0;
    const int64_t filled =
        job.rotation == nullptr ? size.columns : std::min(filled_columns(job.places + region * job.rotation->box_numbers, *job.rotation), size.columns);

    if (filled < size.columns)
        for (int64_t row = 0; row < channels * size.rows; ++row)
            clear(patch + row * size.columns + filled, size.columns - filled);
    TapTable taps;
    for (int64_t column = 0; column < filled; column += kBlock) {
        const int count = static_cast<int>(std::min<int64_t>(kBlock, filled - column));
        const int rows_a_block = kBlock / count;
        for (int64_t row = 0; row < size.rows; row += rows_a_block) {
            const int rows = static_cast<int>(std::min<int64_t>(rows_a_block, size.rows - row));
            for (int each = 0; each < rows; ++each) place(job, region, row + each, column, filled, count, taps, each * count);
            T *to = patch + row * size.columns + column;
            int64_t done = 0;
            for (; done + kTogether <= channels; done += kTogether)
                for (int each = 0; each < rows; ++each)
                    read_row<T, kTogether>(elements + done * plane, plane, below, next_column, taps, each * count, count,
                                           to + done * bins + each * size.columns, bins);
            for (; done < channels; ++done)
                for (int each = 0; each < rows; ++each)
                    read_row<T, 1>(elements + done * plane, plane, below, next_column, taps, each * count, count,
                                   to + done * bins + each * size.columns, bins);
        }
    }
}

}  // namespace

void run_unit(const Job<float> &job, int64_t unit) { run(job, unit); }
void run_unit(const Job<Half> &job, int64_t unit) { run(job, unit); }

}  // namespace spotter::SPOTTER_ISA

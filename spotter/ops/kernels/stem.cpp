// The first layers of PP-OCRv6's recogniser. Compiled once for each instruction set, SPOTTER_ISA naming the namespace.
#include "stem.h"

#include <cstring>
#include <utility>

namespace spotter::stem::SPOTTER_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int64_t kLanes = 16, kPlaces = 6;
#elif defined(__AVX2__)
constexpr int64_t kLanes = 8, kPlaces = 4;
#else
constexpr int64_t kLanes = 4, kPlaces = 2;
#endif
typedef float Lanes __attribute__((vector_size(kLanes * 4)));
typedef float Half __attribute__((vector_size(kLanes * 2)));

template <class Vector>
inline Vector load(const float *from) {
    Vector lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}
template <class Vector>
inline void store(float *to, Vector lanes) {
    std::memcpy(to, &lanes, sizeof lanes);
}
template <class Vector>
inline Vector most(Vector a, Vector b) {
    return a > b ? a : b;
}

// The inputs and the output of one row of a convolution.
struct Row {
    const float *from[3];  // of each of the window's rows
    int64_t apart;         // floats from one position's inputs to the next one's
    const float *mask;     // of each position, or null for ones
    float *to;             // [positions, to_apart]
    int64_t to_apart;
};

template <int kPanels, bool kHalf>
void sum_up(const Layer &layer, const float *weights, const float *bias, const Row &row, int64_t place, float *to) {
    constexpr int64_t width = kPanels * kLanes + (kHalf ? kLanes / 2 : 0);
    Lanes sums[kPlaces][kPanels];
    Half halves[kPlaces];
#pragma GCC unroll 6
    for (int each = 0; each < kPlaces; ++each) {
#pragma GCC unroll 3
        for (int panel = 0; panel < kPanels; ++panel) sums[each][panel] = load<Lanes>(bias + panel * kLanes);
        if (kHalf) halves[each] = load<Half>(bias + kPanels * kLanes);
    }
    const int64_t run = layer.window * layer.inputs;
    for (int64_t line = 0; line < layer.window; ++line) {
        const float *from = row.from[line] + place * row.apart;
        for (int64_t next = 0; next < run; ++next, weights += width) {
            Lanes now[kPanels];
#pragma GCC unroll 3
            for (int panel = 0; panel < kPanels; ++panel) now[panel] = load<Lanes>(weights + panel * kLanes);
            [[maybe_unused]] Half last{};
            if (kHalf) last = load<Half>(weights + kPanels * kLanes);
#pragma GCC unroll 6
            for (int each = 0; each < kPlaces; ++each) {
                const float there = from[each * row.apart + next];
#pragma GCC unroll 3
                for (int panel = 0; panel < kPanels; ++panel) sums[each][panel] += now[panel] * there;
                if (kHalf) halves[each] += last * there;
            }
        }
    }
#pragma GCC unroll 6
    for (int each = 0; each < kPlaces; ++each) {
        const float mask = row.mask == nullptr ? 1.0f : row.mask[place + each];
        float *out = to + (place + each) * row.to_apart;
#pragma GCC unroll 3
        for (int panel = 0; panel < kPanels; ++panel) store(out + panel * kLanes, most(sums[each][panel], Lanes{}) * mask);
        if (kHalf) store(out + kPanels * kLanes, most(halves[each], Half{}) * mask);
    }
}

// A row of a convolution; up to kPlaces - 1 positions beyond `count` are computed, too.
void convolve(const Layer &layer, const Row &row, int64_t count) {
    const float *weights = layer.weights.data();
    for (int64_t first = 0; first < layer.outputs; first += layer.at_once) {
        for (int64_t place = 0; place < count; place += kPlaces) {
            const float *bias = layer.bias.data() + first;
#if defined(__AVX512F__)
            (layer.at_once == 48 ? sum_up<3, false> : sum_up<1, true>)(layer, weights, bias, row, place, row.to + first);
#elif defined(__AVX2__)
            sum_up<3, false>(layer, weights, bias, row, place, row.to + first);
#else
            sum_up<3, false>(layer, weights, bias, row, place, row.to + first);
#endif
        }
        weights += layer.window * layer.window * layer.inputs * layer.at_once;
    }
}

// Pixels of a row, channels last, from `begin` on; zero beyond the edges.
void turn(const Job &job, const float *image, int64_t row, int64_t begin, float *to) {
    std::fill_n(to, Job::pixels, 0.0f);
    if (row < 0 || row >= job.rows) return;
    const int64_t low = std::max<int64_t>(0, -begin), high = std::min(Job::pixels / kPixels, job.columns - begin);
    for (int64_t channel = 0; channel < kPixels; ++channel) {
        const float *from = image + (channel * job.rows + row) * job.columns + begin;
        for (int64_t each = low; each < high; ++each) to[each * kPixels + channel] = from[each];
    }
}

// The maximum of four neighbours where the mask is 1.
void pool(const float *upper, const float *lower, const float *mask, int64_t channels, int64_t count, float *to, int64_t apart) {
    for (int64_t place = 0; place < count; ++place)
        for (int64_t channel = 0; channel < channels; channel += kLanes) {
            const int64_t here = place * channels + channel;
            const Lanes above = most(load<Lanes>(upper + here), load<Lanes>(upper + here + channels));
            const Lanes below = most(load<Lanes>(lower + here), load<Lanes>(lower + here + channels));
            store(to + place * apart + channel, most(above, below) * mask[place]);
        }
}

}  // namespace

#if defined(__AVX512F__)
const int64_t kMost = 48;
#elif defined(__AVX2__)
const int64_t kMost = 24;
#else
const int64_t kMost = 12;
#endif

void run_unit(const Job &job, int64_t unit, void *work) {
    const Stem &stem = *job.stem;
    const int64_t image = unit / job.strips(), begin = unit % job.strips() * kStrip;
    const int64_t half_rows = job.rows / 2, half_columns = job.columns / 2, columns = job.columns / 4, rows = job.rows / 4;
    const int64_t count = std::min(kStrip, columns - begin), broad = stem.first.outputs, slim = stem.narrow.outputs;
    const int64_t joined = stem.join.inputs, middle = stem.join.outputs, outputs = stem.last.outputs;

    float *place = static_cast<float *>(work);
    const auto take = [&](int64_t floats) { return std::exchange(place, place + floats); };
    float *kept_pixels = take(kKept * Job::pixels), *kept_first = take(kKept * Job::row(broad));
    float *kept_narrow = take(kKept * Job::row(slim)), *kept_joined = take(kKept * Job::row(joined));
    float *nothing = take(Job::row(joined)), *summed = take((kStrip + kSpare) * middle), *out = take((kStrip + kSpare) * outputs);
    std::fill_n(nothing, Job::row(joined), 0.0f);
    const auto row_of = [](float *kept, int64_t row, int64_t floats) { return kept + (row + kKept) % kKept * floats; };

    // Intermediate maps begin one position before the strip.
    float mask[Job::halves_of_strip + kSpare] = {};
    for (int64_t each = 0; each < Job::halves_of_strip; ++each) {
        const int64_t column = 2 * begin - 1 + each;
        if (column >= 0 && column < half_columns) mask[each] = job.halves[column];
    }
    const int64_t halves = 2 * count + 3;
    const float *x = job.x + image * kPixels * job.rows * job.columns;
    float *y = job.y + (image * rows * columns + begin) * outputs;

    turn(job, x, -1, 4 * begin - 3, row_of(kept_pixels, -1, Job::pixels));
    for (int64_t row = 0; row < half_rows + 2; ++row) {
        float *first = row_of(kept_first, row, Job::row(broad)), *narrow = row_of(kept_narrow, row - 1, Job::row(slim));
        if (row < half_rows) {
            for (const int64_t each : {2 * row, 2 * row + 1}) turn(job, x, each, 4 * begin - 3, row_of(kept_pixels, each, Job::pixels));
            Row seen{{}, 2 * kPixels, mask, first, broad};
            for (int64_t line = 0; line < 3; ++line) seen.from[line] = row_of(kept_pixels, 2 * row - 1 + line, Job::pixels);
            convolve(stem.first, seen, halves);
        } else {
            std::fill_n(first, Job::row(broad), 0.0f);
        }
        if (row >= 1 && row <= half_rows) {
            const float *before = row_of(kept_first, row - 1, Job::row(broad));
            convolve(stem.narrow, {{before, first, nullptr}, broad, mask, narrow, slim}, halves - 1);
        } else {
            std::fill_n(narrow, Job::row(slim), 0.0f);
        }
        if (row < 2) continue;
        const int64_t done = row - 2;  // of the map in which the branches are joined
        float *both = row_of(kept_joined, done, Job::row(joined));
        const float *upper = row_of(kept_first, done, Job::row(broad)), *lower = row_of(kept_first, done + 1, Job::row(broad));
        convolve(stem.wide, {{row_of(kept_narrow, done, Job::row(slim)), narrow, nullptr}, slim, mask, both + broad, joined}, halves - 2);
        pool(upper, lower, mask, broad, halves - 2, both, joined);
        if (done % 2 == 0) continue;
        Row seen{{nothing, nothing, both}, 2 * joined, nullptr, summed, middle};
        if (done >= 2) seen.from[0] = row_of(kept_joined, done - 2, Job::row(joined));
        seen.from[1] = row_of(kept_joined, done - 1, Job::row(joined));
        convolve(stem.join, seen, count);
        float masks[kStrip + kSpare] = {};
        std::copy_n(job.mask + begin, count, masks);
        convolve(stem.last, {{summed, nullptr, nullptr}, middle, masks, out, outputs}, count);
        std::copy_n(out, count * outputs, y + done / 2 * columns * outputs);
    }
}

}  // namespace spotter::stem::SPOTTER_ISA

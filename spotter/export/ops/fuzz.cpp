// Samples random nonsense, to be run under sanitizers: every buffer ends where it must, so that a cell beyond is seen.
// Checks each bin against a plain sum over the four cells around it.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

#include "sample.h"

namespace {

using namespace spotter;

constexpr float kNasty[] = {0.0f, -0.0f, 0.5f, -0.5f, 1.0f, 1e-30f, 1e9f, -1e9f, 3e38f, 2147483648.0f, -2147483648.0f,
                            std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::denorm_min()};

struct Random {
    std::mt19937 bits;
    int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(bits); }
    float real(float low, float high) { return std::uniform_real_distribution<float>(low, high)(bits); }
    float anything(float low, float high) {
        return integer(0, 15) == 0 ? kNasty[integer(0, sizeof kNasty / sizeof *kNasty - 1)] : real(low, high);
    }
};

// Features that a half holds exactly: small whole numbers.
void set(float &cell, int value) { cell = static_cast<float>(value); }
void set(Half &cell, int value) {
    const uint16_t magnitude[] = {0, 0x3c00, 0x4000, 0x4200, 0x4400};
    cell.bits = static_cast<uint16_t>((value < 0 ? 0x8000 : 0) | magnitude[std::abs(value)]);
}
float get(float cell) { return cell; }
float get(Half cell) {
    const int exponent = cell.bits >> 10 & 31, fraction = cell.bits & 1023;
    const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                          : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
    return cell.bits & 0x8000 ? -magnitude : magnitude;
}

template <class T>
float expected(const Job<T> &job, int64_t region, int64_t channel, int64_t row, int64_t column) {
    const Maps &maps = job.maps;
    float x, y;
    if (job.rotation != nullptr) {
        const float *box = job.places + region * 5;
        const int64_t filled = filled_columns(box, *job.rotation);
        if (column >= filled) return 0.0f;
        const Line line = row_of_box(box, *job.rotation, row);
        const float u = (static_cast<float>(column) + 0.5f) / static_cast<float>(filled) - 0.5f;
        x = line.x0 + u * line.dx;
        y = line.y0 + u * line.dy;
    } else {
        const float *at = job.places + ((region * job.size.rows + row) * job.size.columns + column) * 2;
        x = at[0];
        y = at[1];
    }
    const int64_t image = job.image_index[region];
    if (image < 0 || image >= maps.batch || !(std::fabs(x) < 1e6f) || !(std::fabs(y) < 1e6f)) return 0.0f;
    float sum = 0.0f;
    for (int64_t down = 0; down < 2; ++down)
        for (int64_t along = 0; along < 2; ++along) {
            const int64_t at_row = static_cast<int64_t>(std::floor(y - 0.5f)) + down;
            const int64_t at_column = static_cast<int64_t>(std::floor(x - 0.5f)) + along;
            if (at_row < 0 || at_row >= maps.height || at_column < 0 || at_column >= maps.width) continue;
            const float weight = (1.0f - std::fabs(y - 0.5f - static_cast<float>(at_row))) *
                                 (1.0f - std::fabs(x - 0.5f - static_cast<float>(at_column)));
            sum += weight * get(job.features[((image * maps.channels + channel) * maps.height + at_row) * maps.width + at_column]);
        }
    return sum;
}

template <class T>
bool agrees(const Job<T> &job, const char *name) {
    for (int64_t region = 0; region < job.size.regions; ++region)
        for (int64_t channel = 0; channel < job.maps.channels; ++channel)
            for (int64_t row = 0; row < job.size.rows; ++row)
                for (int64_t column = 0; column < job.size.columns; ++column) {
                    const float found = get(job.patches[((region * job.maps.channels + channel) * job.size.rows + row) *
                                                            job.size.columns + column]);
                    const float wanted = expected(job, region, channel, row, column);
                    if (!(std::fabs(found - wanted) <= 2e-2f)) {  // places fuse their multiplications or do not
                        std::printf("%s: region %ld channel %ld row %ld column %ld: %g, not %g\n", name, static_cast<long>(region),
                                    static_cast<long>(channel), static_cast<long>(row), static_cast<long>(column), found, wanted);
                        return false;
                    }
                }
    return true;
}

template <class T>
bool one(Random &random, void (*run_unit)(const Job<T> &, int64_t), const char *name) {
    const Maps maps{random.integer(0, 3), random.integer(1, 9), random.integer(0, 9), random.integer(0, 12)};
    const bool rotates = random.integer(0, 1) == 1;
    Rotation rotation{};
    rotation.scale = random.integer(1, 2);
    rotation.height = rotation.scale * random.integer(1, 5);
    rotation.min_width = random.integer(1, 6);
    rotation.max_width = random.integer(rotation.min_width, random.integer(0, 9) == 0 ? 1500 : 40);
    rotation.stride = random.integer(1, 4);
    Patches size{random.integer(1, 5), rotates ? rotation.height : random.integer(1, 5), random.integer(1, 40)};

    const int64_t cells = maps.batch * maps.channels * maps.height * maps.width;
    const std::unique_ptr<T[]> features(new T[static_cast<size_t>(cells)]);
    for (int64_t each = 0; each < cells; ++each) set(features[each], static_cast<int>(random.integer(-4, 4)));
    const std::unique_ptr<int64_t[]> index(new int64_t[static_cast<size_t>(size.regions)]);
    for (int64_t each = 0; each < size.regions; ++each)
        index[each] = random.integer(0, 9) == 0 ? random.integer(-3, 5) : random.integer(0, 2);
    const int64_t numbers = size.regions * (rotates ? 5 : size.rows * size.columns * 2);
    const std::unique_ptr<float[]> places(new float[static_cast<size_t>(numbers)]);
    for (int64_t each = 0; each < numbers; ++each) places[each] = random.anything(-5.0f, 20.0f);
    if (rotates) {
        size.columns = 1;  // or as many as the widest fills
        for (int64_t each = 0; each < size.regions; ++each) {
            const int64_t filled = filled_columns(places.get() + 5 * each, rotation);
            if (filled > size.columns) size.columns = filled;
        }
    }
    const int64_t bins = size.regions * maps.channels * size.rows * size.columns;
    const std::unique_ptr<T[]> patches(new T[static_cast<size_t>(bins)]);
    for (int64_t each = 0; each < bins; ++each) set(patches[each], 3);  // every bin must be written
    const Job<T> job{features.get(), maps, places.get(), rotates ? &rotation : nullptr, index.get(), patches.get(), size,
                     random.integer(1, maps.channels)};
    for (int64_t unit = 0; unit < job.units(); ++unit) run_unit(job, unit);
    return agrees(job, name);
}

}  // namespace

// Arguments: a seed and a number of rounds.
int main(int count, char **arguments) {
    if (count != 3) return 2;
    const int rounds = std::atoi(arguments[2]);
    for (int round = 0; round < rounds; ++round) {
        Random random{std::mt19937(static_cast<unsigned>(std::atoi(arguments[1]) + round))};
        bool good = one<float>(random, any::run_unit, "float") && one<Half>(random, any::run_unit, "half");
#ifdef SPOTTER_AVX2
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
            good = good && one<float>(random, avx2::run_unit, "float, avx2") && one<Half>(random, avx2::run_unit, "half, avx2");
#endif
        if (!good) {
            std::printf("round %d\n", round);
            return 1;
        }
    }
    std::printf("%d rounds agree\n", rounds);
    return 0;
}

// The filters of QLinearConv3x3 at the points 0, 1, -1, 2, -2 and infinity.
#include <cmath>

#include "winograd.h"

namespace spotter {
namespace {

constexpr double kFilter[6][3] = {{1 / 4.0, 0, 0},
                                  {-1 / 6.0, -1 / 6.0, -1 / 6.0},
                                  {-1 / 6.0, 1 / 6.0, -1 / 6.0},
                                  {1 / 24.0, 1 / 12.0, 1 / 6.0},
                                  {1 / 24.0, -1 / 12.0, 1 / 6.0},
                                  {0, 0, 1}};
// The factors of six values along a line in a point (`to_points`): the sums of the positive and of the negative ones.
constexpr double kPositive[6] = {5, 2, 5, 3, 3, 5}, kNegative[6] = {5, 8, 5, 3, 3, 5};

// The largest that a value at a point can be, whatever its 36 values and the zero point of the map.
double largest(int64_t point) {
    const int64_t y = point / 6, x = point % 6;
    return 255 * std::max(kPositive[y] * kPositive[x] + kNegative[y] * kNegative[x],
                          kPositive[y] * kNegative[x] + kNegative[y] * kPositive[x]);
}

// Transforms a filter to the points, which are `apart` values from each other.
void filter_to_points(const int8_t *weights, double *to, int64_t apart) {
    for (const auto &down : kFilter) {
        double along[3];
        for (int x = 0; x < 3; ++x) along[x] = down[0] * weights[x] + down[1] * weights[3 + x] + down[2] * weights[6 + x];
        for (const auto &across : kFilter) {
            *to = across[0] * along[0] + across[1] * along[1] + across[2] * along[2];
            to += apart;
        }
    }
}

}  // namespace

Points points_of(const int8_t *weights, int64_t outputs, int64_t inputs) {
    Points points;
    points.filters.resize(static_cast<size_t>(outputs * inputs * kPoints));
    points.units.resize(static_cast<size_t>(outputs * kPoints));
    std::vector<double> at_points(static_cast<size_t>(kPoints * inputs));
    for (int64_t output = 0; output < outputs; ++output) {
        for (int64_t input = 0; input < inputs; ++input)
            filter_to_points(weights + (output * inputs + input) * 9, at_points.data() + input, inputs);
        for (int64_t point = 0; point < kPoints; ++point) {
            const double *values = at_points.data() + point * inputs;
            // The finest unit with which neither a filter nor, for any values, a chunk's sum can overflow. (Each filter
            // may be rounded up by a half.)
            const double most = 0x7fffffff / largest(point) - kChunk / 2.0;
            double unit = 0, sum = 0;
            for (int64_t input = 0; input < inputs; ++input) {
                sum = (input % kChunk ? sum : 0) + std::abs(values[input]);
                unit = std::max({unit, std::abs(values[input]) / 0x7fff, sum / most});
            }
            const int64_t at = output / kPanel * kPoints + point, lane = output % kPanel;
            points.units[static_cast<size_t>(at * kPanel + lane)] = static_cast<float>(unit);
            if (unit == 0) continue;
            for (int64_t input = 0; input < inputs; ++input)
                points.filters[static_cast<size_t>(((at * inputs + input) / 2 * kPanel + lane) * 2 + input % 2)] =
                    static_cast<int16_t>(std::lrint(values[input] / unit));
        }
    }
    return points;
}

}  // namespace spotter

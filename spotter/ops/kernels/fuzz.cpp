// Samples, searches and convolves random inputs, to be run under sanitizers: every buffer has its exact size, so that
// an access beyond its end is detected. Compares each bin with a direct sum over the four elements around it, each word
// with a plain search, each convolved element with a direct sum of integers, and the results of all instruction sets
// for a block or a stem with each other.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "block.h"
#include "sample.h"
#include "search.h"
#include "stem.h"
#ifdef SPOTTER_AVX2
#include "instructions.h"
#include "winograd.h"
#endif

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

// Features that a half represents exactly: small integers.
void set(float &element, int value) { element = static_cast<float>(value); }
void set(Half &element, int value) {
    const uint16_t magnitude[] = {0, 0x3c00, 0x4000, 0x4200, 0x4400};
    element.bits = static_cast<uint16_t>((value < 0 ? 0x8000 : 0) | magnitude[std::abs(value)]);
}
float get(float element) { return element; }
float get(Half element) {
    const int exponent = element.bits >> 10 & 31, fraction = element.bits & 1023;
    const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                          : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
    return element.bits & 0x8000 ? -magnitude : magnitude;
}

template <class T>
float expected(const Job<T> &job, int64_t region, int64_t channel, int64_t row, int64_t column) {
    const Maps &maps = job.maps;
    float x, y;
    if (job.rotation != nullptr) {
        const float *box = job.places + region * job.rotation->box_numbers;
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
                    if (!(std::fabs(found - wanted) <= 2e-2f)) {  // positions are computed with or without fused multiplication
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
    rotation.box_numbers = random.integer(5, 6);
    Patches size{random.integer(1, 5), rotates ? rotation.height : random.integer(1, 5), random.integer(1, 40)};

    const int64_t elements = maps.batch * maps.channels * maps.height * maps.width;
    const std::unique_ptr<T[]> features(new T[static_cast<size_t>(elements)]);
    for (int64_t each = 0; each < elements; ++each) set(features[each], static_cast<int>(random.integer(-4, 4)));
    const std::unique_ptr<int64_t[]> index(new int64_t[static_cast<size_t>(size.regions)]);
    for (int64_t each = 0; each < size.regions; ++each)
        index[each] = random.integer(0, 9) == 0 ? random.integer(-3, 5) : random.integer(0, 2);
    const int64_t numbers = size.regions * (rotates ? rotation.box_numbers : size.rows * size.columns * 2);
    const std::unique_ptr<float[]> places(new float[static_cast<size_t>(numbers)]);
    for (int64_t each = 0; each < numbers; ++each) places[each] = random.anything(-5.0f, 20.0f);
    if (rotates) {
        size.columns = 1;  // at least; otherwise as many as the widest region fills
        for (int64_t each = 0; each < size.regions; ++each) {
            const int64_t filled = filled_columns(places.get() + rotation.box_numbers * each, rotation);
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

struct Read {
    bool good = true;  // whether every state exists
    std::vector<int32_t> classes;
    float margin = 0.0f;
};

struct Text {
    float score = 0.0f;
    int64_t state = 0, last = 0;
    std::vector<int64_t> symbols{};
    std::vector<int32_t> classes{};
};

struct Step {
    float score;
    size_t parent;
    int64_t kind;
};

// A direct implementation of the search: all extensions of all beams, sorted, with whole texts instead of their
// numbers.
Read plain_search(const Search &search, int64_t word) {
    const Language &language = search.language;
    const auto cost = [&](int64_t state, int64_t symbol) {
        return static_cast<float>(language.costs[state * language.size + symbol]) * language.unit;
    };
    const int64_t width = std::max<int64_t>(0, std::min(search.widths[word], search.columns));
    std::vector<Text> beams(1);
    for (int64_t column = 0; column < width; ++column) {
        const float *log_probabilities = search.log_probabilities + (word * search.columns + column) * search.kinds;
        std::vector<Step> steps;
        for (size_t parent = 0; parent < beams.size(); ++parent)
            for (int64_t kind = 0; kind < search.kinds; ++kind) {
                const Text &beam = beams[parent];
                float score = beam.score + log_probabilities[kind];
                if (kind != 0 && kind != beam.last) score += language.bonus - cost(beam.state, search.symbols[kind]);
                if (score > -std::numeric_limits<float>::infinity()) steps.push_back({score, parent, kind});
            }
        std::stable_sort(steps.begin(), steps.end(), [](const Step &a, const Step &b) { return a.score > b.score; });
        if (steps.size() > static_cast<size_t>(2 * search.beams)) steps.resize(static_cast<size_t>(2 * search.beams));
        std::set<std::pair<std::vector<int64_t>, int64_t>> seen;
        std::vector<Text> next;
        for (const Step &step : steps) {
            if (next.size() == static_cast<size_t>(search.beams)) break;
            Text text = beams[step.parent];
            const int64_t symbol = search.symbols[step.kind];
            const bool spells = step.kind != 0 && step.kind != text.last;
            if (spells) {
                text.state = language.following[text.state * language.size + symbol];
                if (text.state >= language.states) return {false, {}, 0.0f};
                text.symbols.push_back(symbol);
            }
            text.score = step.score;
            text.last = step.kind;
            text.classes.push_back(spells ? static_cast<int32_t>(step.kind) : 0);
            if (seen.insert({text.symbols, symbol}).second) next.push_back(text);
        }
        beams = next;
        if (beams.empty()) break;
    }
    Read read;
    read.classes.assign(static_cast<size_t>(search.columns), 0);
    if (beams.empty()) return read;
    for (Text &text : beams)
        if (!text.symbols.empty()) text.score -= cost(text.state, language.size - 1);
    const Text *best = &beams[0];
    for (const Text &text : beams)
        if (text.score > best->score) best = &text;
    float other = -1e9f;
    for (const Text &text : beams)
        if (text.symbols != best->symbols) other = std::max(other, text.score);
    read.margin = best->score - other > 20.0f ? 20.0f : best->score - other;
    std::copy(best->classes.begin(), best->classes.end(), read.classes.begin());
    return read;
}

bool one_search(Random &random) {
    const int64_t words = random.integer(1, 3), columns = random.integer(1, 7), kinds = random.integer(2, 14);
    const int64_t states = random.integer(1, 9), size = random.integer(1, 12);
    const bool nasty = random.integer(0, 3) == 0, lost = random.integer(0, 3) == 0, even = random.integer(0, 1) == 0;
    const std::unique_ptr<float[]> log_probabilities(new float[static_cast<size_t>(words * columns * kinds)]);
    for (int64_t each = 0; each < words * columns * kinds; ++each) {
        const float number = nasty ? random.anything(-9.0f, 0.0f) : random.real(-9.0f, 0.0f);
        log_probabilities[each] = even ? std::round(number) : number;  // ties
    }
    const std::unique_ptr<int64_t[]> widths(new int64_t[static_cast<size_t>(words)]);
    for (int64_t each = 0; each < words; ++each)
        widths[each] = random.integer(-1, columns + 1);
    if (random.integer(0, 9) == 0) widths[0] = random.integer(-(1LL << 40), 1LL << 40);
    const std::unique_ptr<int64_t[]> symbols(new int64_t[static_cast<size_t>(kinds)]);
    for (int64_t each = 0; each < kinds; ++each) symbols[each] = random.integer(0, size - 1);
    const std::unique_ptr<uint8_t[]> costs(new uint8_t[static_cast<size_t>(states * size)]);
    const std::unique_ptr<uint16_t[]> following(new uint16_t[static_cast<size_t>(states * size)]);
    for (int64_t each = 0; each < states * size; ++each) {
        costs[each] = static_cast<uint8_t>(even ? 16 * random.integer(0, 15) : random.integer(0, 255));
        const bool away = lost && random.integer(0, 9) == 0;
        following[each] = static_cast<uint16_t>(away ? random.integer(states, 65535) : random.integer(0, states - 1));
    }
    const std::unique_ptr<int32_t[]> classes(new int32_t[static_cast<size_t>(words * columns)]());
    const std::unique_ptr<float[]> margins(new float[static_cast<size_t>(words)]());
    const float unit = even ? 0.0625f : random.real(0.0f, 0.1f), bonus = even ? 2.0f : random.real(-1.0f, 4.0f);
    const Search search{log_probabilities.get(), widths.get(), symbols.get(), words, columns, kinds,
                        random.integer(1, random.integer(0, 1) == 0 ? 4 : kMostBeams),
                        {costs.get(), following.get(), states, size, unit, bonus}, classes.get(), margins.get()};
    for (int64_t word = 0; word < words; ++word) {
        const Read wanted = plain_search(search, word);
        const bool good = search_word(search, word);
        const float margin = margins[word];
        const bool same = std::equal(wanted.classes.begin(), wanted.classes.end(), classes.get() + word * columns) &&
                          (margin == wanted.margin || (std::isnan(margin) && std::isnan(wanted.margin)));
        if (good == wanted.good && (!good || same)) continue;
        std::printf("search: word %ld is not as the plain search has it\n", static_cast<long>(word));
        return false;
    }
    return true;
}

#ifdef SPOTTER_AVX2
double plain_sum(const Convolution &job, const int8_t *weights, int64_t image, int64_t row, int64_t column, int64_t output) {
    const int64_t inputs = job.layer->inputs;
    int64_t sum = 0;
    for (int64_t y = 0; y < 3; ++y)
        for (int64_t x = 0; x < 3; ++x) {
            const int64_t at_row = row + y - 1, at_column = column + x - 1;
            if (at_row < 0 || at_row >= job.height || at_column < 0 || at_column >= job.width) continue;
            const uint8_t *element = job.input + ((image * job.height + at_row) * job.width + at_column) * inputs;
            for (int64_t input = 0; input < inputs; ++input)
                sum += weights[(output * inputs + input) * 9 + y * 3 + x] * (element[input] - job.layer->input_zero);
        }
    return static_cast<double>(sum);
}

bool one_convolution(Random &random) {
    Layer layer;
    layer.inputs = kLanes * (random.integer(0, 3) == 0 ? kChunk / kLanes + random.integer(0, 2) : random.integer(1, 3));
    layer.outputs = kPanel * (random.integer(0, 5) == 0 ? kPart / kPanel + 1 : random.integer(1, 2));
    layer.input_zero = static_cast<int>(random.integer(0, 255));
    layer.output_zero = static_cast<int>(random.integer(0, 255));
    const int64_t batch = random.integer(0, 2), height = random.integer(0, 9), width = random.integer(0, 30);
    const std::unique_ptr<int8_t[]> weights(new int8_t[static_cast<size_t>(layer.outputs * layer.inputs * 9)]);
    for (int64_t each = 0; each < layer.outputs * layer.inputs * 9; ++each)
        weights[each] = static_cast<int8_t>(random.integer(-128, 127));
    for (int64_t output = 0; output < layer.outputs; ++output) {
        const float most = std::min(0.002f, 0.048f / static_cast<float>(layer.inputs));
        layer.scale.push_back(random.integer(0, 9) == 0 ? 1e6f : random.real(0.0f, most));
        layer.bias.push_back(random.real(-20.0f, 20.0f));
    }
    layer.points = std::make_shared<const Points>(points_of(weights.get(), layer.outputs, layer.inputs));
    const int64_t elements = batch * height * width;
    const std::unique_ptr<uint8_t[]> input(new uint8_t[static_cast<size_t>(elements * layer.inputs)]);
    const std::unique_ptr<uint8_t[]> output(new uint8_t[static_cast<size_t>(elements * layer.outputs)]);
    for (int64_t each = 0; each < elements * layer.inputs; ++each) input[each] = static_cast<uint8_t>(random.integer(0, 255));
    Convolution job{&layer, input.get(), output.get(), batch, height, width};
    const auto convolve = [&](auto convolve_unit, uint8_t *to) {
        job.output = to;
        std::vector<char, Aligned<char>> work(job.room());
        for (int64_t unit = 0; unit < job.units(); ++unit) convolve_unit(job, unit, work.data());
    };
    convolve(avx2::convolve_unit, output.get());
    if (has_avx512()) {
        const std::unique_ptr<uint8_t[]> same(new uint8_t[static_cast<size_t>(elements * layer.outputs)]);
        convolve(avx512::convolve_unit, same.get());
        if (!std::equal(same.get(), same.get() + elements * layer.outputs, output.get())) {
            std::printf("convolution: AVX2 and AVX-512 differ\n");
            return false;
        }
    }
    for (int64_t element = 0; element < elements; ++element)
        for (int64_t channel = 0; channel < layer.outputs; ++channel) {
            const size_t place = static_cast<size_t>(channel);
            const double sum = plain_sum(job, weights.get(), element / (height * width), element / width % height, element % width, channel);
            const double wanted = sum * static_cast<double>(layer.scale[place]) + static_cast<double>(layer.bias[place]) +
                                  layer.output_zero;
            const double clipped = std::min(255.0, std::max(0.0, wanted));
            const double allowed = layer.scale[place] > 1.0f ? 255.0 : 1.5;
            if (std::abs(output[element * layer.outputs + channel] - clipped) <= allowed) continue;
            std::printf("convolution: %d, not %f\n", output[element * layer.outputs + channel], clipped);
            return false;
        }
    return true;
}
#endif

struct Instructions {
    const char *name;
    bool supported;
    const block::Form *form;
    void (*run_unit)(const block::Job &, int64_t, void *);
    void (*mean_unit)(const block::Means &, int64_t, void *);
};

std::vector<Instructions> instruction_sets() {
    std::vector<Instructions> all{{"any", true, &block::any::kForm, block::any::run_unit, block::any::mean_unit}};
#ifdef SPOTTER_AVX2
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool vbmi = has_avx512() && __builtin_cpu_supports("avx512vbmi");
    all.push_back({"avx2", avx2, &block::avx2::kForm, block::avx2::run_unit, block::avx2::mean_unit});
    all.push_back({"avx512", has_avx512(), &block::avx512::kForm, block::avx512::run_unit, block::avx512::mean_unit});
    all.push_back({"vbmi", vbmi, &block::vbmi::kForm, block::vbmi::run_unit, block::vbmi::mean_unit});
#endif
    all.erase(std::remove_if(all.begin(), all.end(), [](const Instructions &each) { return !each.supported; }), all.end());
    return all;
}

// Numbers with exact sums, in an array of its exact size.
std::unique_ptr<float[]> eighths(Random &random, int64_t count) {
    std::unique_ptr<float[]> made(new float[static_cast<size_t>(count)]);
    for (int64_t each = 0; each < count; ++each) made[each] = static_cast<float>(random.integer(-16, 16)) / 8;
    return made;
}

bool one_block(Random &random) {
    using block::kPanel;
    block::Layer layer;
    layer.residual = random.integer(0, 2) > 0;
    layer.stride = layer.residual ? 1 : 2;
    layer.inputs = kPanel * random.integer(1, 3);
    layer.middle = kPanel * random.integer(1, 9);
    layer.outputs = layer.residual ? layer.inputs : kPanel * random.integer(1, 6);
    for (int64_t each = 0; each < 9 * layer.inputs; ++each) layer.taps.push_back(static_cast<float>(random.integer(-8, 8)) / 16);
    for (int64_t each = 0; each < layer.inputs; ++each) layer.tap_bias.push_back(static_cast<float>(random.integer(-8, 8)) / 16);
    layer.per_unit = random.real(1.0f, 40.0f);
    layer.zero = static_cast<float>(random.integer(0, 255));
    for (uint8_t &element : layer.table) element = static_cast<uint8_t>(random.integer(0, 255));
    const auto weights = [&](int64_t count) {
        std::unique_ptr<int8_t[]> made(new int8_t[static_cast<size_t>(count)]);
        for (int64_t each = 0; each < count; ++each) made[each] = static_cast<int8_t>(random.integer(-128, 127));
        return made;
    };
    const auto up = weights(layer.inputs * layer.middle), down = weights(layer.middle * layer.outputs);
    for (int64_t each = 0; each < layer.middle; ++each) {
        layer.up_start.push_back(static_cast<int32_t>(random.integer(-100000, 100000)));
        layer.up_factor.push_back(random.real(0.0f, 0.002f));
        layer.up_shift.push_back(random.real(-128.0f, 128.0f));
    }
    for (int64_t each = 0; each < layer.outputs; ++each) {
        layer.down_start.push_back(static_cast<int32_t>(random.integer(-100000, 100000)));
        layer.down_factor.push_back(random.real(0.0f, 0.002f));
        layer.down_bias.push_back(random.real(-2.0f, 2.0f));
    }
    block::Job job{&layer, nullptr, nullptr, nullptr, nullptr, random.integer(0, 2), random.integer(0, 4),
                   random.integer(0, 1) == 0 ? random.integer(0, 9) : random.integer(44, 110), nullptr, 0};
    const int64_t elements = job.batch * job.rows_of_y() * job.columns * layer.outputs;
    const auto x = eighths(random, job.batch * job.rows * job.columns * layer.inputs), mask = eighths(random, job.columns);
    const auto factors = eighths(random, job.columns * layer.inputs);
    std::unique_ptr<int32_t[]> live(new int32_t[static_cast<size_t>(job.columns)]);
    for (int64_t column = 0; column < job.columns; ++column)
        if (mask[column] != 0.0f && random.integer(0, 5) > 0) live[job.live_count++] = static_cast<int32_t>(column);
    job.x = x.get();
    job.mask = mask.get();
    job.factors = random.integer(0, 1) == 0 ? factors.get() : nullptr;
    job.live = live.get();
    std::unique_ptr<float[]> first;
    for (const Instructions &each : instruction_sets()) {
        layer.up = std::make_shared<const block::Bytes>(block::packed_up(*each.form, up.get(), layer.inputs, layer.middle));
        layer.down = std::make_shared<const block::Bytes>(block::packed_down(*each.form, down.get(), layer.middle, layer.outputs));
        std::unique_ptr<float[]> y(new float[static_cast<size_t>(elements)]());
        job.y = y.get();
        std::vector<char, Aligned<char>> work(job.room(*each.form));
        for (int64_t unit = 0; unit < job.units(); ++unit) each.run_unit(job, unit, work.data());
        if (first == nullptr) first = std::move(y);
        else if (!std::equal(first.get(), first.get() + elements, y.get())) {
            std::printf("block: %s gives other numbers\n", each.name);
            return false;
        }
    }
    return true;
}

bool one_mean(Random &random) {
    const int64_t channels = block::kPanel * random.integer(1, 3), batch = random.integer(1, 2), rows = random.integer(1, 4);
    const int64_t columns = random.integer(0, 1) == 0 ? random.integer(0, 9) : random.integer(44, 110);
    const auto x = eighths(random, batch * rows * columns * channels), taps = eighths(random, 9 * channels), bias = eighths(random, channels);
    for (const Instructions &each : instruction_sets()) {
        const std::unique_ptr<float[]> y(new float[static_cast<size_t>(columns * channels)]());
        const block::Means job{x.get(), taps.get(), bias.get(), y.get(), batch, rows, columns, channels};
        std::vector<char, Aligned<char>> work(job.room());
        for (int64_t unit = 0; unit < job.units(); ++unit) each.mean_unit(job, unit, work.data());
        for (int64_t place = 0; place < columns * channels; ++place) {
            const int64_t column = place / channels, channel = place % channels;
            double sum = 0;
            for (int64_t image = 0; image < batch; ++image)
                for (int64_t row = 0; row < rows; ++row)
                    for (int64_t tap = 0; tap < 9; ++tap) {
                        const int64_t at_row = row + tap / 3 - 1, at_column = column + tap % 3 - 1;
                        if (at_row < 0 || at_row >= rows || at_column < 0 || at_column >= columns) continue;
                        sum += static_cast<double>(x[((image * rows + at_row) * columns + at_column) * channels + channel]) *
                               static_cast<double>(taps[tap * channels + channel]);
                    }
            const double wanted = sum / static_cast<double>(batch * rows) + static_cast<double>(bias[channel]);
            if (std::abs(static_cast<double>(y[place]) - wanted) < 1e-3) continue;
            std::printf("means, %s: %f, not %f\n", each.name, static_cast<double>(y[place]), wanted);
            return false;
        }
    }
    return true;
}

bool one_stem(Random &random) {
    struct Set {
        bool supported;
        int64_t most;
        void (*run_unit)(const stem::Job &, int64_t, void *);
    };
    std::vector<Set> sets{{true, stem::any::kMost, stem::any::run_unit}};
#ifdef SPOTTER_AVX2
    sets.push_back({__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), stem::avx2::kMost, stem::avx2::run_unit});
    sets.push_back({has_avx512(), stem::avx512::kMost, stem::avx512::run_unit});
#endif
    const int64_t first = 48, slim = 24, middle = 24 * random.integer(1, 2), outputs = 24 * random.integer(1, 2);
    const int64_t batch = random.integer(0, 2), rows = random.integer(0, 3);
    const int64_t columns = random.integer(0, 1) == 0 ? random.integer(0, 5) : random.integer(22, 52);
    const int64_t shapes[5][3] = {{first, 4, 3}, {slim, first, 2}, {first, slim, 2}, {middle, 2 * first, 3}, {outputs, middle, 1}};
    std::vector<std::unique_ptr<float[]>> weights, biases;
    for (const auto &[to, from, window] : shapes) {
        const int64_t count = to * from * window * window;
        weights.emplace_back(new float[static_cast<size_t>(count)]);
        const float most = std::sqrt(6.0f / static_cast<float>(from * window * window));
        for (int64_t each = 0; each < count; ++each) weights.back()[each] = random.real(-most, most);
        biases.push_back(eighths(random, to));
    }
    const auto x = eighths(random, batch * 4 * 16 * rows * columns), halves = eighths(random, 2 * columns), mask = eighths(random, columns);
    std::unique_ptr<float[]> expected;
    const int64_t elements = batch * rows * columns * outputs;
    for (const Set &each : sets) {
        if (!each.supported) continue;
        stem::Layer layers[5];
        for (int number = 0; number < 5; ++number) {
            const auto &[to, from, window] = shapes[number];
            layers[number] = stem::layer_of(weights[number].get(), biases[number].get(), to, from, window, each.most);
        }
        const stem::Stem made{layers[0], layers[1], layers[2], layers[3], layers[4]};
        std::unique_ptr<float[]> y(new float[static_cast<size_t>(elements)]());
        const stem::Job job{&made, x.get(), halves.get(), mask.get(), y.get(), batch, 4 * rows, 4 * columns};
        std::vector<char, Aligned<char>> work(job.room());
        for (int64_t unit = 0; rows > 0 && unit < job.units(); ++unit) each.run_unit(job, unit, work.data());
        for (int64_t element = 0; expected != nullptr && element < elements; ++element) {
            if (std::abs(y[element] - expected[element]) <= 1e-3f * (1 + std::abs(expected[element]))) continue;
            std::printf("stem: %f, not %f\n", static_cast<double>(y[element]), static_cast<double>(expected[element]));
            return false;
        }
        if (expected == nullptr) expected = std::move(y);
    }
    return true;
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
            good = good && one<float>(random, avx2::run_unit, "float, avx2") &&
                   one<Half>(random, avx2::run_unit, "half, avx2") && one_convolution(random);
#endif
        if (!(good && one_search(random) && one_block(random) && one_mean(random) &&
              one_stem(random))) {
            std::printf("round %d\n", round);
            return 1;
        }
    }
    std::printf("%d rounds agree\n", rounds);
    return 0;
}

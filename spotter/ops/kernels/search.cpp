// The search on the CPU: every word separately, with its beams in the L1 cache.
#include "search.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <numeric>

namespace spotter {
namespace {

constexpr float kLeast = -1e9f, kFurthest = 20.0f;
constexpr int64_t kMultiplier = 257, kModulus = 2147483629, kShift = 256;

struct Beam {
    float score;
    int64_t state, last, number;  // number: of the text, whatever the case
};

// An extension of a beam.
struct Way {
    float score;
    int32_t parent, kind;
};

// A text's characters by column, as links to the previous ones.
struct Trace {
    int8_t parent;
    int32_t spelt;
};

// The best extensions by falling score, the earlier of equals first.
struct Best {
    Way ways[2 * kMostBeams];
    int64_t count = 0, most;
    float worst = -std::numeric_limits<float>::infinity();

    void add(const Way &way) {
        if (!(way.score > worst)) return;
        int64_t place = count < most ? count++ : most - 1;
        for (; place > 0 && ways[place - 1].score < way.score; --place) ways[place] = ways[place - 1];
        ways[place] = way;
        if (count == most) worst = ways[most - 1].score;
    }
};

// A class that is too improbable for one beam is so for the following ones, which score no better, and the threshold
// only rises: `classes` holds the remaining ones.
void collect(const Search &search, const float *log_probabilities, const Beam *beams, int64_t count, int32_t *classes, Best &best) {
    const Language &language = search.language;
    const float most = std::max(language.bonus, 0.0f);
    std::iota(classes, classes + search.kinds, 0);
    int64_t left = search.kinds;
    for (int64_t each = 0; each < count && left > 0; ++each) {
        const Beam &beam = beams[each];
        const uint8_t *costs = language.costs + beam.state * language.size;
        const auto parent = static_cast<int32_t>(each);
        const int64_t before = left;
        left = 0;
        for (int64_t place = 0; place < before; ++place) {
            const int32_t kind = classes[place];
            const float read = beam.score + log_probabilities[kind];
            if (!(read + most > best.worst)) continue;
            classes[left++] = kind;
            const bool stays = kind == 0 || kind == beam.last;
            const float charge = static_cast<float>(costs[search.symbols[kind]]) * language.unit;
            best.add({stays ? read : read + (language.bonus - charge), parent, kind});
        }
    }
}

}  // namespace

bool search_word(const Search &search, int64_t word) {
    const Language &language = search.language;
    const int64_t width = std::clamp<int64_t>(search.widths[word], 0, search.columns);
    const std::unique_ptr<Trace[]> traces(new (std::nothrow) Trace[static_cast<size_t>(width * search.beams + 1)]);
    const std::unique_ptr<int32_t[]> classes(new (std::nothrow) int32_t[static_cast<size_t>(search.kinds)]);
    if (traces == nullptr || classes == nullptr) return false;
    Beam beams[kMostBeams] = {{0.0f, 0, 0, 0}};
    int64_t count = 1;
    for (int64_t column = 0; column < width; ++column) {
        Best best;
        best.most = 2 * search.beams;
        const float *log_probabilities = search.log_probabilities + (word * search.columns + column) * search.kinds;
        collect(search, log_probabilities, beams, count, classes.get(), best);
        Beam next[kMostBeams];
        int64_t keys[kMostBeams], kept = 0;
        for (int64_t each = 0; each < best.count && kept < search.beams; ++each) {
            const Way &way = best.ways[each];
            Beam beam = beams[way.parent];
            const bool spells = way.kind != 0 && way.kind != beam.last;
            const int64_t symbol = search.symbols[way.kind];
            if (spells) {
                beam.state = language.following[beam.state * language.size + symbol];
                if (beam.state >= language.states) return false;
                beam.number = (beam.number * kMultiplier + symbol + 1) % kModulus;
            }
            beam.score = way.score;
            beam.last = way.kind;
            const int64_t key = beam.number * kShift + symbol;
            if (std::find(keys, keys + kept, key) != keys + kept) continue;
            traces[column * search.beams + kept] = {static_cast<int8_t>(way.parent), spells ? way.kind : 0};
            keys[kept] = key;
            next[kept++] = beam;
        }
        if (kept == 0) return true;  // a column of NaN: nothing is read, as the caller has initialised
        std::copy(next, next + kept, beams);
        count = kept;
    }
    float final[kMostBeams];
    for (int64_t each = 0; each < count; ++each) {
        const Beam &beam = beams[each];
        const uint8_t cost = language.costs[beam.state * language.size + language.size - 1];
        const float end = static_cast<float>(cost) * language.unit;
        final[each] = beam.score - (beam.number > 0 ? end : 0.0f);
    }
    const int64_t best = std::max_element(final, final + count) - final;
    float other = kLeast;
    for (int64_t each = 0; each < count; ++each)
        if (beams[each].number != beams[best].number) other = std::max(other, final[each]);
    search.margins[word] = std::min(final[best] - other, kFurthest);
    int64_t beam = best;
    for (int64_t column = width - 1; column >= 0; --column) {
        const Trace &trace = traces[column * search.beams + beam];
        search.classes[word * search.columns + column] = trace.spelt;
        beam = trace.parent;
    }
    return true;
}

}  // namespace spotter

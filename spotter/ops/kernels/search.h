// The computation of CtcBeamSearch, without ONNX Runtime's interface; see spotter/model/language.py.
#pragma once

#include <cstdint>

namespace spotter {

constexpr int64_t kMostBeams = 64;

// A language model: `states` contexts by `size` symbols, the last one being the end of a word.
struct Language {
    const uint8_t *costs;       // [states, size]
    const uint16_t *following;  // [states, size]
    int64_t states, size;
    float unit, bonus;  // nats of one unit of cost; nats for each character
};

struct Search {
    const float *log_probabilities;  // [words, columns, kinds]
    const int64_t *widths;           // [words]
    const int64_t *symbols;          // [kinds], below language.size; kind 0 is the blank
    int64_t words, columns, kinds, beams;
    Language language;
    int32_t *classes;  // [words, columns]
    float *margins;    // [words]
};

// Reads one word. Returns false if memory is short or the tables name a state that does not exist; the outputs are then
// undefined. Needs at least two kinds and one column.
bool search_word(const Search &search, int64_t word);

}  // namespace spotter

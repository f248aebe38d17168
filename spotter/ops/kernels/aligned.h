// Memory aligned to cache lines.
#pragma once

#include <cstddef>
#include <new>

namespace spotter {

constexpr size_t kAlignment = 64;  // bytes of a cache line

template <class T>
struct Aligned {
    using value_type = T;
    Aligned() = default;
    template <class U>
    Aligned(const Aligned<U> &) {}
    T *allocate(size_t count) {
        return static_cast<T *>(::operator new(count * sizeof(T), std::align_val_t{kAlignment}));
    }
    void deallocate(T *place, size_t) { ::operator delete(place, std::align_val_t{kAlignment}); }
    friend bool operator==(const Aligned &, const Aligned &) { return true; }
    friend bool operator!=(const Aligned &, const Aligned &) { return false; }
};

}  // namespace spotter

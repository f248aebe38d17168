// What every operator needs from ONNX Runtime: statuses, shapes and data of tensors, and shape inference.
#pragma once

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "aligned.h"
#include "ort_abi.h"

namespace spotter {

constexpr int kVersion = SPOTTER_VERSION, kOldestVersion = SPOTTER_OLDEST_VERSION;  // of the domain; defined by build.py

inline OrtStatus *invalid(const OrtApi *api, const std::string &message) {
    return CreateStatus::call(api, kInvalidArgument, message.c_str());
}

#define SPOTTER_TRY(expression) \
    if (OrtStatus *failed = (expression)) return failed

inline OrtStatus *shape_of(const OrtApi *api, const OrtValue *value, std::vector<int64_t> &shape) {
    OrtTensorTypeAndShapeInfo *info = nullptr;
    SPOTTER_TRY(GetTensorTypeAndShape::call(api, value, &info));
    size_t count = 0;
    OrtStatus *status = GetDimensionsCount::call(api, info, &count);
    if (status == nullptr) {
        shape.resize(count);
        status = GetDimensions::call(api, info, shape.data(), count);
    }
    ReleaseTensorTypeAndShapeInfo::call(api, info);
    return status;
}

// A tensor's shape, which must have `rank` dimensions.
inline OrtStatus *shape_of(const OrtApi *api, const OrtValue *value, const char *name, size_t rank,
                           std::vector<int64_t> &shape) {
    SPOTTER_TRY(shape_of(api, value, shape));
    if (shape.size() != rank)
        return invalid(api, std::string(name) + " has " + std::to_string(shape.size()) + " dimensions, not " + std::to_string(rank));
    return nullptr;
}

template <class T>
OrtStatus *data_of(const OrtApi *api, const OrtValue *value, T *&data) {
    void *found = nullptr;
    SPOTTER_TRY(GetTensorMutableData::call(api, value, &found));
    data = static_cast<T *>(found);
    return nullptr;
}

// A constant input: its values and their shape.
template <class T>
struct Constant {
    const T *data = nullptr;
    std::vector<int64_t> shape;

    int64_t size() const {
        int64_t product = 1;
        for (const int64_t side : shape) product *= side;
        return product;
    }
    T at(int64_t place) const { return data[size() == 1 ? 0 : place]; }
};

template <class T>
OrtStatus *constant(const OrtApi *api, const OrtKernelInfo *info, size_t input, const std::string &name, Constant<T> &found) {
    int is_constant = 0;
    const OrtValue *value = nullptr;
    SPOTTER_TRY(KernelInfoGetConstantInput_tensor::call(api, info, input, &is_constant, &value));
    if (!is_constant) return invalid(api, name + " must be a constant");
    SPOTTER_TRY(shape_of(api, value, found.shape));
    return data_of(api, value, found.data);
}

// Threads of the pool keep their scratch memory: releasing and allocating its pages again would take as long as the
// sums.
inline void *scratch_memory(size_t room) {
    static thread_local std::vector<char, Aligned<char>> kept;
    if (kept.size() < room) kept.resize(room);
    return kept.data();
}

// Runs the units of a job on the pool's threads, each with `room` bytes of scratch memory.
template <class Each>
OrtStatus *run_units(const OrtApi *api, OrtKernelContext *context, const Each &job, void (*run)(const Each &, int64_t, void *),
                     size_t room) {
    struct Shared {
        const Each &job;
        void (*run)(const Each &, int64_t, void *);
        size_t room;
        std::atomic<bool> failed{false};
    } shared{job, run, room};
    if (job.units() == 0) return nullptr;
    SPOTTER_TRY(KernelContext_ParallelFor::call(
        api, context,
        [](void *user, size_t unit) {
            auto *each = static_cast<Shared *>(user);
            try {
                each->run(each->job, static_cast<int64_t>(unit), scratch_memory(each->room));
            } catch (const std::bad_alloc &) {
                each->failed = true;
            }
        },
        static_cast<size_t>(job.units()), 0, &shared));
    return shared.failed ? invalid(api, "out of memory") : nullptr;
}

// A shape as far as it is known: every dimension has a number, or a symbol and the number -1. An unknown dimension gets
// a symbol of its own, since ONNX Runtime treats equal symbols as equal sizes.
struct Dimensions {
    std::vector<int64_t> numbers;
    std::vector<std::string> symbols;
    int type = kFloat;

    void add(int64_t number, std::string symbol) {
        static std::atomic<unsigned> unknown{0};
        if (number < 0 && symbol.empty()) symbol = "spotter_" + std::to_string(++unknown);
        numbers.push_back(number < 0 ? -1 : number);
        symbols.push_back(std::move(symbol));
    }
    void add(const Dimensions &other, size_t place) { add(other.numbers[place], other.symbols[place]); }
};

inline OrtStatus *dimensions_of(const OrtApi *api, OrtShapeInferContext *context, size_t input, size_t rank, Dimensions &found) {
    OrtTensorTypeAndShapeInfo *info = nullptr;
    SPOTTER_TRY(ShapeInferContext_GetInputTypeShape::call(api, context, input, &info));  // still owned by the context
    size_t count = 0;
    SPOTTER_TRY(GetTensorElementType::call(api, info, &found.type));
    SPOTTER_TRY(GetDimensionsCount::call(api, info, &count));
    std::vector<int64_t> numbers(count == rank ? rank : 0);
    std::vector<const char *> symbols(numbers.size(), "");
    SPOTTER_TRY(GetDimensions::call(api, info, numbers.data(), numbers.size()));
    SPOTTER_TRY(GetSymbolicDimensions::call(api, info, symbols.data(), symbols.size()));
    numbers.resize(rank, -1);  // the rank is not known yet, or wrong, which the kernel refuses
    symbols.resize(rank, "");
    for (size_t each = 0; each < rank; ++each) found.add(numbers[each], symbols[each]);
    return nullptr;
}

inline OrtStatus *set_dimensions(const OrtApi *api, OrtShapeInferContext *context, size_t output, const Dimensions &dimensions) {
    std::vector<const char *> symbols;
    for (const std::string &symbol : dimensions.symbols) symbols.push_back(symbol.c_str());
    OrtTensorTypeAndShapeInfo *info = nullptr;
    SPOTTER_TRY(CreateTensorTypeAndShapeInfo::call(api, &info));
    OrtStatus *status = SetTensorElementType::call(api, info, dimensions.type);
    if (status == nullptr) status = SetDimensions::call(api, info, dimensions.numbers.data(), dimensions.numbers.size());
    if (status == nullptr) status = SetSymbolicDimensions::call(api, info, symbols.data(), symbols.size());
    if (status == nullptr) status = ShapeInferContext_SetOutputTypeShape::call(api, context, output, info);
    ReleaseTensorTypeAndShapeInfo::call(api, info);
    return status;
}

// ONNX Runtime keeps the address of a registered operator as long as any session exists, so these are never freed.
struct Registered : OrtCustomOp {
    const OrtApi *api = nullptr;
};

// The description that all operators share; each adds its own part.
template <class Kernel>
Registered described_by(decltype(OrtCustomOp::CreateKernelV2) create, decltype(OrtCustomOp::KernelComputeV2) compute,
                        decltype(OrtCustomOp::InferOutputShapeFn) infer_shape) {
    Registered made{};
    made.version = kApiVersion;
    made.CreateKernelV2 = create;
    made.KernelComputeV2 = compute;
    made.KernelDestroy = [](void *kernel) { delete static_cast<Kernel *>(kernel); };
    made.InferOutputShapeFn = infer_shape;
    made.GetInputCharacteristic = [](const OrtCustomOp *, size_t) -> int { return kRequired; };
    made.GetOutputCharacteristic = [](const OrtCustomOp *, size_t) -> int { return kRequired; };
    made.GetInputMemoryType = [](const OrtCustomOp *, size_t) -> int { return kMemoryOfTheProvider; };
    made.GetStartVersion = [](const OrtCustomOp *) -> int { return kOldestVersion; };
    made.GetEndVersion = [](const OrtCustomOp *) -> int { return kVersion; };
    return made;
}

}  // namespace spotter

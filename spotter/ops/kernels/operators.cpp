// The interface of the operators to ONNX Runtime: types, attributes, shapes, and providers.
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <tuple>
#include <vector>

#include "block_operator.h"
#include "ort_support.h"
#include "sample.h"
#include "search_operator.h"
#include "stem_operator.h"
#ifdef SPOTTER_AVX2
#include "winograd_operator.h"
#endif
#ifdef SPOTTER_CUDA
#include "sample_cuda.h"
#endif

#ifndef SPOTTER_SOURCES
#define SPOTTER_SOURCES ""
#endif

namespace spotter {
namespace {

constexpr int64_t kMostElements = INT32_MAX;

enum class Device { cpu, cuda };
enum class Operator { sample_regions, roi_rotate };

const char *const kAttributes[] = {"height", "min_width", "max_width", "scale", "stride"};

template <class T>
using RunUnit = void (*)(const Job<T> &, int64_t);

template <class T>
RunUnit<T> unit_runner() {
#ifdef SPOTTER_AVX2
    static const bool wide =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (wide) return avx2::run_unit;
#endif
    return any::run_unit;
}

template <class T>
OrtStatus *run_on_cpu(const OrtApi *api, OrtKernelContext *context, const Job<T> &job) {
    struct Shared {
        const Job<T> &job;
        RunUnit<T> run;
    } shared{job, unit_runner<T>()};
    if (job.units() == 0) return nullptr;
    return KernelContext_ParallelFor::call(
        api, context,
        [](void *user, size_t unit) {
            const auto *each = static_cast<const Shared *>(user);
            each->run(each->job, static_cast<int64_t>(unit));
        },
        static_cast<size_t>(job.units()), 0, &shared);
}

// With few regions their channels are divided, so that no thread is idle.
int64_t channels_a_unit(int64_t regions, int64_t channels) {
    return regions < 16 && channels > 16 ? 16 : channels > 0 ? channels : 1;
}

struct Kernel {
    const OrtApi *api;
    Rotation rotation;
};

template <Operator kOperator, Device kDevice, class T>
OrtStatus *compute(void *kernel, OrtKernelContext *context) {
    auto [api, rotation] = *static_cast<const Kernel *>(kernel);
    constexpr bool rotates = kOperator == Operator::roi_rotate;
    const OrtValue *inputs[3] = {};
    for (size_t each = 0; each < 3; ++each) SPOTTER_TRY(KernelContext_GetInput::call(api, context, each, &inputs[each]));
    std::vector<int64_t> features, places, index;
    SPOTTER_TRY(shape_of(api, inputs[0], "features", 4, features));
    SPOTTER_TRY(shape_of(api, inputs[1], rotates ? "boxes" : "grid", rotates ? 2 : 4, places));
    SPOTTER_TRY(shape_of(api, inputs[2], "image_index", 1, index));
    if (rotates ? places[1] != 5 && places[1] != 6 : places[3] != 2)
        return invalid(api, rotates ? "boxes must be [N, 6], or [N, 5] as in version 1" : "grid must be [N, h, w, 2]");
    if (index[0] != places[0]) return invalid(api, "image_index must have an entry for every region");
    if (features[3] != 0 && features[2] > kMostElements / features[3]) return invalid(api, "the map has too many cells");

    Job<T> job{};
    const float *place_data = nullptr;
    SPOTTER_TRY(data_of(api, inputs[0], job.features));
    SPOTTER_TRY(data_of(api, inputs[1], place_data));
    SPOTTER_TRY(data_of(api, inputs[2], job.image_index));
    job.maps = {features[0], features[1], features[2], features[3]};
    job.places = place_data;
    job.size = rotates ? Patches{places[0], rotation.height, 0} : Patches{places[0], places[1], places[2]};
    [[maybe_unused]] void *stream = nullptr;
    if constexpr (kDevice == Device::cuda) SPOTTER_TRY(KernelContext_GetGPUComputeStream::call(api, context, &stream));
    if constexpr (rotates) {
        rotation.box_numbers = places[1];
        job.rotation = &rotation;
        std::vector<float> copied;
        const float *boxes = place_data;
#ifdef SPOTTER_CUDA
        if constexpr (kDevice == Device::cuda) {
            copied.resize(static_cast<size_t>(places[0] * places[1]));
            if (const char *error = copy_from_device(copied.data(), place_data, copied.size(), stream))
                return invalid(api, error);
            boxes = copied.data();
        }
#endif
        job.size.columns = rotation.min_width * rotation.scale;  // also without regions
        for (int64_t region = 0; region < places[0]; ++region) {
            const int64_t filled = filled_columns(boxes + region * places[1], rotation);
            if (filled > job.size.columns) job.size.columns = filled;
        }
    }
    const int64_t shape[4] = {job.size.regions, job.maps.channels, job.size.rows, job.size.columns};
    OrtValue *output = nullptr;
    SPOTTER_TRY(KernelContext_GetOutput::call(api, context, 0, shape, 4, &output));
    SPOTTER_TRY(data_of(api, output, job.patches));
    if (shape[0] == 0 || shape[1] == 0 || shape[2] == 0 || shape[3] == 0) return nullptr;
    if constexpr (kDevice == Device::cpu) {
        job.channels_a_unit = channels_a_unit(job.size.regions, job.maps.channels);
        return run_on_cpu(api, context, job);
    }
#ifdef SPOTTER_CUDA
    if (const char *error = run_on_cuda(job, stream)) return invalid(api, error);
#endif
    return nullptr;
}

template <Operator kOperator>
OrtStatus *create(const OrtCustomOp *, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
    int64_t values[5] = {1, 1, 1, 1, 1};
    if (kOperator == Operator::roi_rotate)
        for (int each = 0; each < 5; ++each) {
            SPOTTER_TRY(KernelInfoGetAttribute_int64::call(api, info, kAttributes[each], &values[each]));
            if (values[each] < 1 || values[each] > 1 << 20)
                return invalid(api, std::string(kAttributes[each]) + " of RoIRotate is out of range");
        }
    if (values[1] > values[2] || values[0] % values[3] != 0)
        return invalid(api, "RoIRotate wants min_width <= max_width and a height that scale divides");
    auto *made = new (std::nothrow) Kernel{api, {values[0], values[1], values[2], values[3], values[4], 0}};
    if (made == nullptr) return invalid(api, "out of memory");
    *kernel = made;
    return nullptr;
}

// ONNX Runtime asks the same function for every element type.
template <Operator kOperator>
OrtStatus *infer_shape(const OrtCustomOp *op, OrtShapeInferContext *context) {
    const OrtApi *api = static_cast<const Registered *>(op)->api;
    constexpr bool rotates = kOperator == Operator::roi_rotate;
    Dimensions features, places, out;
    SPOTTER_TRY(dimensions_of(api, context, 0, 4, features));
    SPOTTER_TRY(dimensions_of(api, context, 1, rotates ? 2 : 4, places));
    out.add(places, 0);
    out.add(features, 1);
    if (rotates) {
        const OrtOpAttr *attribute = nullptr;
        int64_t height = 0;
        size_t size = 0;
        SPOTTER_TRY(ShapeInferContext_GetAttribute::call(api, context, "height", &attribute));
        SPOTTER_TRY(ReadOpAttr::call(api, attribute, kOpAttributeInt, &height, sizeof height, &size));
        out.add(height, "");
        out.add(-1, "");
    } else {
        out.add(places, 1);
        out.add(places, 2);
    }
    out.type = features.type;
    return set_dimensions(api, context, 0, out);
}

template <Operator kOperator, Device kDevice, class T>
Registered *described(const OrtApi *api) {
    static Registered op = [] {
        Registered made = described_by<Kernel>(create<kOperator>, compute<kOperator, kDevice, T>, infer_shape<kOperator>);
        made.GetName = [](const OrtCustomOp *) { return kOperator == Operator::roi_rotate ? "RoIRotate" : "SampleRegions"; };
        made.GetExecutionProviderType = [](const OrtCustomOp *) {
            return kDevice == Device::cpu ? "CPUExecutionProvider" : "CUDAExecutionProvider";
        };
        made.GetInputType = [](const OrtCustomOp *, size_t input) -> int {
            return input == 2 ? kInt64 : input == 1 || sizeof(T) == 4 ? kFloat : kFloat16;
        };
        made.GetInputTypeCount = [](const OrtCustomOp *) -> size_t { return 3; };
        made.GetOutputType = [](const OrtCustomOp *, size_t) -> int { return sizeof(T) == 4 ? kFloat : kFloat16; };
        made.GetOutputTypeCount = [](const OrtCustomOp *) -> size_t { return 1; };
        return made;
    }();
    op.api = api;
    return &op;
}

template <Operator kOperator, Device kDevice>
OrtStatus *add(const OrtApi *api, OrtCustomOpDomain *domain) {
    SPOTTER_TRY(CustomOpDomain_Add::call(api, domain, described<kOperator, kDevice, float>(api)));
    return CustomOpDomain_Add::call(api, domain, described<kOperator, kDevice, Half>(api));
}

template <Device kDevice>
OrtStatus *add_all(const OrtApi *api, OrtCustomOpDomain *domain) {
    SPOTTER_TRY((add<Operator::sample_regions, kDevice>(api, domain)));
    return add<Operator::roi_rotate, kDevice>(api, domain);
}

// Which of the optional kernels a session uses: QLinearConv3x3's, and the instruction sets of those for a recogniser's
// blocks and stem; none if empty.
struct Selection {
    bool filters = false;
    std::string blocks, stem;

    bool operator<(const Selection &other) const {
        return std::tie(filters, blocks, stem) < std::tie(other.filters, other.blocks, other.stem);
    }
};

OrtStatus *make_domain(const OrtApi *api, const Selection &selection, OrtCustomOpDomain *&domain) {
    SPOTTER_TRY(CreateCustomOpDomain::call(api, "spotter", &domain));
    SPOTTER_TRY(add_all<Device::cpu>(api, domain));
    SPOTTER_TRY(add_search(api, domain));
#ifdef SPOTTER_CUDA
    SPOTTER_TRY(add_all<Device::cuda>(api, domain));
#endif
#ifdef SPOTTER_AVX2
    if (selection.filters) SPOTTER_TRY(add_winograd(api, domain));
#endif
    if (!selection.blocks.empty()) SPOTTER_TRY(add_blocks(api, domain, selection.blocks));
    if (!selection.stem.empty()) SPOTTER_TRY(add_stem(api, domain, selection.stem));
    return nullptr;
}

std::string entry_of(const OrtApi *api, const OrtSessionOptions *options, const char *key) {
    char value[16] = "";
    size_t size = sizeof value;
    if (OrtStatus *absent = GetSessionConfigEntry::call(api, options, key, value, &size)) ReleaseStatus::call(api, absent);
    return value;
}

// A session's entry `spotter.winograd`, `on` or `off`, decides about QLinearConv3x3's kernel, and `spotter.blocks`,
// `off` or an instruction set, about those of a recogniser's stem and blocks; without an entry kernels are used where
// they are faster.
Selection selection_of(const OrtApi *api, const OrtSessionOptions *options) {
    Selection selection;
#ifdef SPOTTER_AVX2
    const std::string wanted = entry_of(api, options, "spotter.winograd");
    selection.filters = wanted == "on" ? winograd_runs() : wanted != "off" && winograd_pays();
#endif
    const std::string named = entry_of(api, options, "spotter.blocks");
    if (named == "off") return selection;
    const std::string best = block_instructions(named);
    if (!named.empty() || blocks_pay()) selection.blocks = best;
    if (!named.empty() || best != "any") selection.stem = best;
    return selection;
}

}  // namespace
}  // namespace spotter

#define SPOTTER_EXPORT extern "C" __attribute__((visibility("default")))

// What the library contains, for a check before it is registered with ONNX Runtime: the version of the operators, the
// digest of the sources that it was built from, and whether it holds kernels for CUDA.
SPOTTER_EXPORT int spotter_ops_abi() { return spotter::kVersion; }
SPOTTER_EXPORT const char *spotter_ops_sources() { return SPOTTER_SOURCES; }
SPOTTER_EXPORT int spotter_ops_cuda() {
#ifdef SPOTTER_CUDA
    return 1;
#else
    return 0;
#endif
}

SPOTTER_EXPORT spotter::OrtStatus *RegisterCustomOps(spotter::OrtSessionOptions *options, const spotter::OrtApiBase *base) {
    using namespace spotter;
    const OrtApi *api = base->GetApi(kApiVersion);
    if (api == nullptr) {
        const OrtApi *oldest = base->GetApi(1);
        return invalid(oldest, std::string("the operators need a newer ONNX Runtime than ") + base->GetVersionString());
    }
    // One domain for all sessions with the same selection. ONNX Runtime does not copy domains, so they are never
    // released.
    static std::mutex mutex;
    static std::map<Selection, OrtCustomOpDomain *> domains;
    try {
        const Selection selection = selection_of(api, options);
        const std::lock_guard<std::mutex> lock(mutex);
        OrtCustomOpDomain *&domain = domains[selection];
        if (domain == nullptr) {
            OrtCustomOpDomain *fresh = nullptr;
            SPOTTER_TRY(make_domain(api, selection, fresh));
            domain = fresh;
        }
        return AddCustomOpDomain::call(api, options, domain);
    } catch (const std::bad_alloc &) {
        return invalid(api, "out of memory");
    }
}

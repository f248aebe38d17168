// The interface of QLinearConv3x3 to ONNX Runtime: types, shapes, and the constants that are prepared when a session
// opens.
#include "winograd_operator.h"

#include <cpuid.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <tuple>
#include <vector>

#include "ort_support.h"
#include "winograd.h"

namespace spotter {
namespace {

enum Input : size_t { kX, kXScale, kXZero, kW, kWScale, kWZero, kB, kBScale, kBZero, kYScale, kYZero, kInputs };
const char *const kNames[kInputs] = {"x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point",
                                     "b", "b_scale", "b_zero_point", "y_scale", "y_zero_point"};
constexpr int kTypes[kInputs] = {kUint8, kFloat, kUint8, kInt8, kFloat, kInt8, kInt32, kFloat, kInt32, kFloat, kUint8};

struct Kernel {
    const OrtApi *api;
    Layer layer;
};

template <class T>
OrtStatus *constant(const OrtApi *api, const OrtKernelInfo *info, Input input, Constant<T> &found) {
    return constant(api, info, input, std::string(kNames[input]) + " of QLinearConv3x3", found);
}

// Sessions of one model, and nodes of one layer, share the transformed weights.
std::shared_ptr<const Points> shared_points(const Constant<int8_t> &weights) {
    using Key = std::tuple<int64_t, int64_t, std::string>;
    static std::mutex mutex;
    static std::map<Key, std::weak_ptr<const Points>> known;
    const int64_t outputs = weights.shape[0], inputs = weights.shape[1];
    const std::lock_guard<std::mutex> lock(mutex);
    for (auto each = known.begin(); each != known.end();) each = each->second.expired() ? known.erase(each) : ++each;
    auto &entry = known[{outputs, inputs,
                         std::string(reinterpret_cast<const char *>(weights.data), static_cast<size_t>(weights.size()))}];
    std::shared_ptr<const Points> points = entry.lock();
    if (points == nullptr) entry = points = std::make_shared<const Points>(points_of(weights.data, outputs, inputs));
    return points;
}

OrtStatus *prepare(const OrtApi *api, const OrtKernelInfo *info, Layer &layer) {
    Constant<float> x_scale, w_scale, b_scale, y_scale;
    Constant<uint8_t> x_zero, y_zero;
    Constant<int8_t> w, w_zero;
    Constant<int32_t> b, b_zero;
    SPOTTER_TRY(constant(api, info, kXScale, x_scale));
    SPOTTER_TRY(constant(api, info, kXZero, x_zero));
    SPOTTER_TRY(constant(api, info, kW, w));
    SPOTTER_TRY(constant(api, info, kWScale, w_scale));
    SPOTTER_TRY(constant(api, info, kWZero, w_zero));
    SPOTTER_TRY(constant(api, info, kB, b));
    SPOTTER_TRY(constant(api, info, kBScale, b_scale));
    SPOTTER_TRY(constant(api, info, kBZero, b_zero));
    SPOTTER_TRY(constant(api, info, kYScale, y_scale));
    SPOTTER_TRY(constant(api, info, kYZero, y_zero));
    if (w.shape.size() != 4 || w.shape[2] != 3 || w.shape[3] != 3 || w.size() == 0 || w.shape[0] % kPanel ||
        w.shape[1] % kLanes)
        return invalid(api, "w of QLinearConv3x3 must be [M, C, 3, 3], M a multiple of 16 and C of 8");
    layer.outputs = w.shape[0];
    layer.inputs = w.shape[1];
    const auto fits = [&](int64_t size) { return size == 1 || size == layer.outputs; };
    if (x_scale.size() != 1 || x_zero.size() != 1 || y_scale.size() != 1 || y_zero.size() != 1)
        return invalid(api, "QLinearConv3x3 wants one scale and one zero point of x and of y");
    if (!fits(w_scale.size()) || !fits(w_zero.size()) || b.size() != layer.outputs || !fits(b_scale.size()) || !fits(b_zero.size()))
        return invalid(api, "QLinearConv3x3 wants b for each output, and scales and zero points of w and b for each or one");
    const auto zero = [](auto number) { return number == 0; };
    if (!std::all_of(w_zero.data, w_zero.data + w_zero.size(), zero) || !std::all_of(b_zero.data, b_zero.data + b_zero.size(), zero))
        return invalid(api, "zero points of w and b of QLinearConv3x3 must be 0");
    layer.input_zero = *x_zero.data;
    layer.output_zero = *y_zero.data;
    for (int64_t output = 0; output < layer.outputs; ++output) {
        const float unit = *x_scale.data * w_scale.at(output);
        layer.scale.push_back(unit / *y_scale.data);
        layer.bias.push_back(static_cast<float>(b.data[output]) * (b_scale.at(output) / *y_scale.data));
    }
    layer.points = shared_points(w);
    return nullptr;
}

OrtStatus *create(const OrtCustomOp *, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
    try {
        auto made = std::make_unique<Kernel>(Kernel{api, {}});
        SPOTTER_TRY(prepare(api, info, made->layer));
        *kernel = made.release();
    } catch (const std::bad_alloc &) {
        return invalid(api, "out of memory");
    }
    return nullptr;
}

OrtStatus *compute(void *kernel, OrtKernelContext *context) {
    const auto &[api, layer] = *static_cast<const Kernel *>(kernel);
    const OrtValue *input = nullptr;
    std::vector<int64_t> shape;
    SPOTTER_TRY(KernelContext_GetInput::call(api, context, kX, &input));
    SPOTTER_TRY(shape_of(api, input, kNames[kX], 4, shape));
    if (shape[3] != layer.inputs) return invalid(api, "x of QLinearConv3x3 must have as many channels as w");
    struct Shared {
        Convolution job;
        std::atomic<bool> failed{false};
    } shared{{&layer, nullptr, nullptr, shape[0], shape[1], shape[2]}};
    SPOTTER_TRY(data_of(api, input, shared.job.input));
    shape[3] = layer.outputs;
    OrtValue *output = nullptr;
    SPOTTER_TRY(KernelContext_GetOutput::call(api, context, 0, shape.data(), shape.size(), &output));
    SPOTTER_TRY(data_of(api, output, shared.job.output));
    if (shared.job.tiles() == 0) return nullptr;
    static const auto convolve_unit = has_avx512() ? avx512::convolve_unit : avx2::convolve_unit;
    SPOTTER_TRY(KernelContext_ParallelFor::call(
        api, context,
        [](void *user, size_t unit) {
            auto *each = static_cast<Shared *>(user);
            try {
                convolve_unit(each->job, static_cast<int64_t>(unit), scratch_memory(each->job.room()));
            } catch (const std::bad_alloc &) {
                each->failed = true;
            }
        },
        static_cast<size_t>(shared.job.units()), 0, &shared));
    return shared.failed ? invalid(api, "out of memory") : nullptr;
}

OrtStatus *infer_shape(const OrtCustomOp *op, OrtShapeInferContext *context) {
    const OrtApi *api = static_cast<const Registered *>(op)->api;
    Dimensions maps, weights, out;
    SPOTTER_TRY(dimensions_of(api, context, kX, 4, maps));
    SPOTTER_TRY(dimensions_of(api, context, kW, 4, weights));
    out.type = maps.type;
    for (const size_t side : {0, 1, 2}) out.add(maps, side);
    out.add(weights, 0);
    return set_dimensions(api, context, 0, out);
}

}  // namespace

bool winograd_runs() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool winograd_pays() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    const bool amx = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & 1u << 25);
    if (amx) return false;
    return has_avx512() || (winograd_runs() && !has_avx_vnni() && !__builtin_cpu_supports("avx512bw"));
}

OrtStatus *add_winograd(const OrtApi *api, OrtCustomOpDomain *domain) {
    static Registered op = [] {
        Registered made = described_by<Kernel>(create, compute, infer_shape);
        made.GetName = [](const OrtCustomOp *) { return "QLinearConv3x3"; };
        made.GetExecutionProviderType = [](const OrtCustomOp *) { return "CPUExecutionProvider"; };
        made.GetInputType = [](const OrtCustomOp *, size_t input) -> int { return kTypes[input]; };
        made.GetInputTypeCount = [](const OrtCustomOp *) -> size_t { return kInputs; };
        made.GetOutputType = [](const OrtCustomOp *, size_t) -> int { return kUint8; };
        made.GetOutputTypeCount = [](const OrtCustomOp *) -> size_t { return 1; };
        return made;
    }();
    op.api = api;
    return CustomOpDomain_Add::call(api, domain, &op);
}

}  // namespace spotter

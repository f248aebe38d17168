// The interface of BranchStem to ONNX Runtime: types, shapes, and the weights that are rearranged when a session opens.
#include "stem_operator.h"

#include <new>
#include <string>
#include <vector>

#include "ort_support.h"
#include "stem.h"

namespace spotter {
namespace {

using namespace stem;

struct Instructions {
    int64_t most;
    void (*run_unit)(const Job &, int64_t, void *);
};

struct Operator : Registered {
    Instructions instructions;
};

struct Kernel {
    const OrtApi *api;
    Instructions instructions;
    Stem stem;
};

enum Input : size_t { kX, kHalves, kMask, kWeights, kInputs = kWeights + 10 };

// The stem's convolutions, with the size of each one's window.
struct Wanted {
    Layer Stem::*layer;
    int64_t window;
};
constexpr Wanted kWanted[] = {{&Stem::first, 3}, {&Stem::narrow, 2}, {&Stem::wide, 2}, {&Stem::join, 3}, {&Stem::last, 1}};

OrtStatus *prepare(const OrtApi *api, const OrtKernelInfo *info, int64_t most, Stem &stem) {
    size_t place = kWeights;
    for (const Wanted &each : kWanted) {
        Constant<float> weights, bias;
        const std::string name = "w" + std::to_string((place - kWeights) / 2 + 1);
        SPOTTER_TRY(constant(api, info, place, name, weights));
        SPOTTER_TRY(constant(api, info, place + 1, "the bias of " + name, bias));
        if (weights.shape.size() != 4 || weights.shape[2] != each.window || weights.shape[3] != each.window || weights.size() == 0 ||
            weights.shape[0] % kGroup || bias.size() != weights.shape[0])
            return invalid(api, name + " must be [M, C, " + std::to_string(each.window) + ", " + std::to_string(each.window) +
                                    "], M a multiple of 24, with a bias for each of M");
        stem.*each.layer = layer_of(weights.data, bias.data, weights.shape[0], weights.shape[1], each.window, most);
        place += 2;
    }
    if (stem.first.inputs != kPixels || stem.first.outputs % (2 * kGroup) || stem.narrow.inputs != stem.first.outputs ||
        stem.wide.inputs != stem.narrow.outputs || stem.wide.outputs != stem.first.outputs ||
        stem.join.inputs != 2 * stem.first.outputs || stem.last.inputs != stem.join.outputs)
        return invalid(api, "the convolutions of BranchStem do not fit together");
    return nullptr;
}

OrtStatus *create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
    try {
        const Instructions &instructions = static_cast<const Operator *>(op)->instructions;
        auto made = std::make_unique<Kernel>(Kernel{api, instructions, {}});
        SPOTTER_TRY(prepare(api, info, instructions.most, made->stem));
        *kernel = made.release();
    } catch (const std::bad_alloc &) {
        return invalid(api, "out of memory");
    }
    return nullptr;
}

OrtStatus *compute(void *kernel, OrtKernelContext *context) {
    const auto &[api, instructions, stem] = *static_cast<const Kernel *>(kernel);
    const OrtValue *inputs[3] = {};
    std::vector<int64_t> shape, halves, mask;
    for (size_t each = 0; each < 3; ++each) SPOTTER_TRY(KernelContext_GetInput::call(api, context, each, &inputs[each]));
    SPOTTER_TRY(shape_of(api, inputs[kX], "x", 4, shape));
    SPOTTER_TRY(shape_of(api, inputs[kHalves], "halves", 1, halves));
    SPOTTER_TRY(shape_of(api, inputs[kMask], "mask", 1, mask));
    if (shape[1] != kPixels || shape[2] % 4 || shape[3] % 4) return invalid(api, "x must be [B, 4, H, W], H and W multiples of 4");
    if (2 * halves[0] != shape[3] || 4 * mask[0] != shape[3])
        return invalid(api, "halves and mask must have a number for every two and four columns");
    Job job{&stem, nullptr, nullptr, nullptr, nullptr, shape[0], shape[2], shape[3]};
    SPOTTER_TRY(data_of(api, inputs[kX], job.x));
    SPOTTER_TRY(data_of(api, inputs[kHalves], job.halves));
    SPOTTER_TRY(data_of(api, inputs[kMask], job.mask));
    const int64_t made[4] = {shape[0], shape[2] / 4, shape[3] / 4, stem.last.outputs};
    OrtValue *output = nullptr;
    SPOTTER_TRY(KernelContext_GetOutput::call(api, context, 0, made, 4, &output));
    SPOTTER_TRY(data_of(api, output, job.y));
    return made[1] == 0 ? nullptr : run_units(api, context, job, instructions.run_unit, job.room());
}

OrtStatus *infer_shape(const OrtCustomOp *op, OrtShapeInferContext *context) {
    const OrtApi *api = static_cast<const Registered *>(op)->api;
    Dimensions maps, mask, last, out;
    SPOTTER_TRY(dimensions_of(api, context, kX, 4, maps));
    SPOTTER_TRY(dimensions_of(api, context, kMask, 1, mask));
    SPOTTER_TRY(dimensions_of(api, context, kInputs - 2, 4, last));
    out.type = maps.type;
    out.add(maps, 0);
    out.add(maps.numbers[2] < 0 ? -1 : maps.numbers[2] / 4, "");
    out.add(mask, 0);
    out.add(last, 0);
    return set_dimensions(api, context, 0, out);
}

}  // namespace

OrtStatus *add_stem(const OrtApi *api, OrtCustomOpDomain *domain, [[maybe_unused]] const std::string &instructions) {
    auto *made = new (std::nothrow) Operator;  // ONNX Runtime keeps its address as long as any session exists
    if (made == nullptr) return invalid(api, "out of memory");
    static_cast<OrtCustomOp &>(*made) = described_by<Kernel>(create, compute, infer_shape);
    made->GetName = [](const OrtCustomOp *) { return "BranchStem"; };
    made->GetExecutionProviderType = [](const OrtCustomOp *) { return "CPUExecutionProvider"; };
    made->GetInputType = [](const OrtCustomOp *, size_t) -> int { return kFloat; };
    made->GetInputTypeCount = [](const OrtCustomOp *) -> size_t { return kInputs; };
    made->GetOutputType = [](const OrtCustomOp *, size_t) -> int { return kFloat; };
    made->GetOutputTypeCount = [](const OrtCustomOp *) -> size_t { return 1; };
    made->api = api;
    made->instructions = {any::kMost, any::run_unit};
#ifdef SPOTTER_AVX2
    if (instructions == "avx2") made->instructions = {avx2::kMost, avx2::run_unit};
    if (instructions == "avx512" || instructions == "vbmi") made->instructions = {avx512::kMost, avx512::run_unit};
#endif
    return CustomOpDomain_Add::call(api, domain, made);
}

}  // namespace spotter

// The interface of CtcBeamSearch to ONNX Runtime: types, attributes, shapes.
#include "search_operator.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <string>
#include <vector>

#include "ort_support.h"
#include "search.h"

namespace spotter {
namespace {

constexpr size_t kInputs = 6;
const char *const kNames[kInputs] = {"log_probabilities", "widths", "costs", "following", "symbols", "weights"};
constexpr size_t kRanks[kInputs] = {3, 1, 2, 2, 1, 1};
constexpr int kTypes[kInputs] = {kFloat, kInt64, kUint8, kUint16, kInt64, kFloat};

struct Kernel {
    const OrtApi *api;
    int64_t beams;
};

OrtStatus *create(const OrtCustomOp *, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
    int64_t beams = 0;
    SPOTTER_TRY(KernelInfoGetAttribute_int64::call(api, info, "beams", &beams));
    if (beams < 1 || beams > kMostBeams) return invalid(api, "beams of CtcBeamSearch is out of range");
    auto *made = new (std::nothrow) Kernel{api, beams};
    if (made == nullptr) return invalid(api, "out of memory");
    *kernel = made;
    return nullptr;
}

// Checks that sizes agree and that indices are inside.
OrtStatus *check(const OrtApi *api, const std::vector<int64_t> (&shapes)[kInputs], const Search &search) {
    if (shapes[1][0] != search.words) return invalid(api, "widths must have an entry for every word");
    if (shapes[3] != shapes[2]) return invalid(api, "costs and following must be of one shape");
    if (search.language.states < 1 || search.language.size < 1 || search.language.size > 256)
        return invalid(api, "costs must be [S, A], A at most 256");
    if (search.kinds < 2 || shapes[4][0] != search.kinds) return invalid(api, "symbols must have an entry for every class");
    if (shapes[5][0] != 2) return invalid(api, "weights must be two numbers");
    const auto outside = [&](int64_t symbol) { return symbol < 0 || symbol >= search.language.size; };
    if (std::any_of(search.symbols, search.symbols + search.kinds, outside))
        return invalid(api, "symbols names a symbol that costs does not have");
    return nullptr;
}

OrtStatus *compute(void *kernel, OrtKernelContext *context) {
    const auto &[api, beams] = *static_cast<const Kernel *>(kernel);
    const OrtValue *inputs[kInputs] = {};
    std::vector<int64_t> shapes[kInputs];
    for (size_t each = 0; each < kInputs; ++each) {
        SPOTTER_TRY(KernelContext_GetInput::call(api, context, each, &inputs[each]));
        SPOTTER_TRY(shape_of(api, inputs[each], kNames[each], kRanks[each], shapes[each]));
    }
    Search search{};
    const float *weights = nullptr;
    SPOTTER_TRY(data_of(api, inputs[0], search.log_probabilities));
    SPOTTER_TRY(data_of(api, inputs[1], search.widths));
    SPOTTER_TRY(data_of(api, inputs[2], search.language.costs));
    SPOTTER_TRY(data_of(api, inputs[3], search.language.following));
    SPOTTER_TRY(data_of(api, inputs[4], search.symbols));
    SPOTTER_TRY(data_of(api, inputs[5], weights));
    search.words = shapes[0][0];
    search.columns = shapes[0][1];
    search.kinds = shapes[0][2];
    search.beams = beams;
    search.language.states = shapes[2][0];
    search.language.size = shapes[2][1];
    SPOTTER_TRY(check(api, shapes, search));
    search.language.unit = weights[0];
    search.language.bonus = weights[1];
    if (!(weights[0] >= 0.0f)) return invalid(api, "a unit of cost must not be negative");
    OrtValue *outputs[2] = {};
    const int64_t shape[2] = {search.words, search.columns};
    for (size_t each = 0; each < 2; ++each)
        SPOTTER_TRY(KernelContext_GetOutput::call(api, context, each, shape, 2 - each, &outputs[each]));
    SPOTTER_TRY(data_of(api, outputs[0], search.classes));
    SPOTTER_TRY(data_of(api, outputs[1], search.margins));
    std::fill_n(search.classes, search.words * search.columns, 0);
    std::fill_n(search.margins, search.words, 0.0f);
    if (search.words == 0) return nullptr;
    struct Shared {
        const Search &search;
        std::atomic<bool> failed{false};
    } shared{search};
    SPOTTER_TRY(KernelContext_ParallelFor::call(
        api, context,
        [](void *user, size_t word) {
            auto *each = static_cast<Shared *>(user);
            if (!search_word(each->search, static_cast<int64_t>(word))) each->failed = true;
        },
        static_cast<size_t>(search.words), 0, &shared));
    return shared.failed ? invalid(api, "following names a state that is not there, or memory is short") : nullptr;
}

OrtStatus *infer_shape(const OrtCustomOp *op, OrtShapeInferContext *context) {
    const OrtApi *api = static_cast<const Registered *>(op)->api;
    Dimensions read;
    SPOTTER_TRY(dimensions_of(api, context, 0, 3, read));
    Dimensions classes, margins;
    classes.type = kInt32;
    classes.add(read, 0);
    classes.add(read, 1);
    margins.add(read, 0);
    SPOTTER_TRY(set_dimensions(api, context, 0, classes));
    return set_dimensions(api, context, 1, margins);
}

}  // namespace

OrtStatus *add_search(const OrtApi *api, OrtCustomOpDomain *domain) {
    static Registered op = [] {
        Registered made = described_by<Kernel>(create, compute, infer_shape);
        made.GetName = [](const OrtCustomOp *) { return "CtcBeamSearch"; };
        made.GetExecutionProviderType = [](const OrtCustomOp *) { return "CPUExecutionProvider"; };
        made.GetInputType = [](const OrtCustomOp *, size_t input) -> int { return kTypes[input]; };
        made.GetInputTypeCount = [](const OrtCustomOp *) -> size_t { return kInputs; };
        made.GetOutputType = [](const OrtCustomOp *, size_t output) -> int { return output == 0 ? kInt32 : kFloat; };
        made.GetOutputTypeCount = [](const OrtCustomOp *) -> size_t { return 2; };
        return made;
    }();
    op.api = api;
    return CustomOpDomain_Add::call(api, domain, &op);
}

}  // namespace spotter

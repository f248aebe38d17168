// The interface of QLinearBlock, QLinearHalvingBlock and DepthwiseColumns to ONNX Runtime: types, shapes, and the
// constants that are prepared when a session opens.
#include "block_operator.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "block.h"
#include "ort_support.h"
#ifdef SPOTTER_AVX2
#include "instructions.h"
#endif

namespace spotter {
namespace {

using namespace block;

struct Instructions {
    const char *name;
    bool (*supported)();
    const Form *form;
    void (*run_unit)(const Job &, int64_t, void *);
    void (*mean_unit)(const Means &, int64_t, void *);
};

// The fastest first.
const Instructions kInstructions[] = {
#ifdef SPOTTER_AVX2
    {"vbmi", [] { return has_avx512() && __builtin_cpu_supports("avx512vbmi"); }, &vbmi::kForm, vbmi::run_unit, vbmi::mean_unit},
    {"avx512", has_avx512, &avx512::kForm, avx512::run_unit, avx512::mean_unit},
    {"avx2", [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }, &avx2::kForm, avx2::run_unit,
     avx2::mean_unit},
#endif
    {"any", [] { return true; }, &any::kForm, any::run_unit, any::mean_unit},
};

const Instructions &instructions_of(const std::string &name) {
    for (const Instructions &each : kInstructions)
        if (each.supported() && (name.empty() || name == each.name)) return each;
    return instructions_of("");
}

enum class Kind { block, halving, columns };

struct Operator : Registered {
    Kind kind = Kind::block;
    const Instructions *instructions = nullptr;
};

enum Input : size_t {
    kX, kMask, kFactors, kTaps, kTapBias, kDScale, kDZero, kUp, kUpScale, kUpBias, kMScale, kMZero, kGScale, kGZero, kDown, kDownScale,
    kDownBias, kInputs
};
const char *const kNames[kInputs] = {"x",  "mask",     "factors", "w",       "b",            "d_scale", "d_zero_point",
                                     "up", "up_scale", "up_bias", "m_scale", "m_zero_point", "g_scale", "g_zero_point",
                                     "down", "down_scale", "down_bias"};
constexpr int kTypes[kInputs] = {kFloat, kFloat, kFloat, kFloat, kFloat, kFloat, kUint8, kInt8, kFloat,
                                 kFloat, kFloat, kUint8, kFloat, kUint8, kInt8,  kFloat, kFloat};
enum ColumnsInput : size_t { kColumnsX, kColumnsTaps, kColumnsBias, kColumnsInputs };

struct Kernel {
    const OrtApi *api;
    const Instructions *instructions;
    Layer layer;
};

// Sessions of one model share its matrices.
std::shared_ptr<const Bytes> shared(Bytes made) {
    static std::mutex mutex;
    static std::vector<std::weak_ptr<const Bytes>> known;
    const std::lock_guard<std::mutex> lock(mutex);
    known.erase(std::remove_if(known.begin(), known.end(), [](const auto &each) { return each.expired(); }), known.end());
    for (const auto &each : known)
        if (auto there = each.lock(); there != nullptr && *there == made) return there;
    auto fresh = std::make_shared<const Bytes>(std::move(made));
    known.push_back(fresh);
    return fresh;
}

OrtStatus *prepare_taps(const OrtApi *api, const OrtKernelInfo *info, size_t place, Layer &layer) {
    Constant<float> taps, bias;
    SPOTTER_TRY(constant(api, info, place, "w", taps));
    SPOTTER_TRY(constant(api, info, place + 1, "b", bias));
    if (taps.shape.size() != 4 || taps.shape[1] != 1 || taps.shape[2] != 3 || taps.shape[3] != 3 || taps.size() == 0 ||
        taps.shape[0] % kPanel)
        return invalid(api, "w must be [C, 1, 3, 3], C a multiple of 16");
    layer.inputs = taps.shape[0];
    if (bias.size() != layer.inputs) return invalid(api, "b must have a number for each channel");
    layer.tap_bias.assign(bias.data, bias.data + layer.inputs);
    for (int64_t each = 0; each < 9; ++each)
        for (int64_t channel = 0; channel < layer.inputs; ++channel) layer.taps.push_back(taps.data[channel * 9 + each]);
    return nullptr;
}

struct Matrix {
    Constant<int8_t> weights;
    Constant<float> scale, bias;

    OrtStatus *read(const OrtApi *api, const OrtKernelInfo *info, size_t place, const char *name, int64_t from) {
        SPOTTER_TRY(constant(api, info, place, name, weights));
        SPOTTER_TRY(constant(api, info, place + 1, name, scale));
        SPOTTER_TRY(constant(api, info, place + 2, name, bias));
        if (weights.shape.size() != 2 || weights.shape[0] != from || to() == 0 || to() % kPanel || scale.size() != to() || bias.size() != to())
            return invalid(api, std::string(name) + " must be [" + std::to_string(from) +
                                    ", M], M a multiple of 16, with a scale and a bias for each of M");
        return nullptr;
    }
    int64_t to() const { return weights.shape[1]; }

    // The negative of what the zero point adds to each sum.
    void start(int zero, std::vector<int32_t, Aligned<int32_t>> &starts) const {
        for (int64_t each = 0; each < to(); ++each) {
            int32_t sum = 0;
            for (int64_t row = 0; row < weights.shape[0]; ++row) sum += weights.data[row * to() + each];
            starts.push_back(-zero * sum);
        }
    }
};

struct Rounding {
    Constant<float> scale;
    Constant<uint8_t> zero;

    OrtStatus *read(const OrtApi *api, const OrtKernelInfo *info, size_t place) {
        SPOTTER_TRY(constant(api, info, place, kNames[place], scale));
        SPOTTER_TRY(constant(api, info, place + 1, kNames[place + 1], zero));
        if (scale.size() != 1 || zero.size() != 1) return invalid(api, std::string(kNames[place]) + " must be one number");
        return nullptr;
    }
};

OrtStatus *prepare(const OrtApi *api, const OrtKernelInfo *info, const Form &form, Layer &layer) {
    SPOTTER_TRY(prepare_taps(api, info, kTaps, layer));
    Rounding values, middle, gelu;
    Matrix up, down;
    SPOTTER_TRY(values.read(api, info, kDScale));
    SPOTTER_TRY(middle.read(api, info, kMScale));
    SPOTTER_TRY(gelu.read(api, info, kGScale));
    SPOTTER_TRY(up.read(api, info, kUp, "up", layer.inputs));
    layer.middle = up.to();
    SPOTTER_TRY(down.read(api, info, kDown, "down", layer.middle));
    layer.outputs = down.to();
    if (layer.residual && layer.outputs != layer.inputs) return invalid(api, "down of QLinearBlock must lead back to as many channels");
    layer.per_unit = 1 / *values.scale.data;
    layer.zero = *values.zero.data;
    const float unit = *middle.scale.data;
    const int shift = *middle.zero.data - 128;
    for (int index = -128; index < 128; ++index) {
        const double value = static_cast<double>(index - shift) * static_cast<double>(unit);
        const double activated = 0.5 * value * (1 + std::erf(value / std::sqrt(2.0)));
        const double whole = std::nearbyint(activated / static_cast<double>(*gelu.scale.data)) + *gelu.zero.data;
        layer.table[static_cast<uint8_t>(index)] = static_cast<uint8_t>(std::min(255.0, std::max(0.0, whole)));
    }
    up.start(*values.zero.data, layer.up_start);
    down.start(*gelu.zero.data, layer.down_start);
    for (int64_t each = 0; each < layer.middle; ++each) {
        layer.up_factor.push_back(*values.scale.data * up.scale.data[each] / unit);
        layer.up_shift.push_back(up.bias.data[each] / unit + static_cast<float>(shift));
        // Sums are below this, so that no index exceeds an integer's range before it is clipped to 8 bits.
        const double most = 128.0 * 255 * static_cast<double>(layer.inputs) * std::abs(static_cast<double>(layer.up_factor.back()));
        if (!(most + std::abs(static_cast<double>(layer.up_shift.back())) < 1 << 30)) return invalid(api, "m_scale is too small");
    }
    for (int64_t each = 0; each < layer.outputs; ++each) {
        layer.down_factor.push_back(*gelu.scale.data * down.scale.data[each]);
        layer.down_bias.push_back(down.bias.data[each]);
    }
    layer.up = shared(packed_up(form, up.weights.data, layer.inputs, layer.middle));
    layer.down = shared(packed_down(form, down.weights.data, layer.middle, layer.outputs));
    return nullptr;
}

OrtStatus *create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
    const auto *asked = static_cast<const Operator *>(op);
    try {
        auto made = std::make_unique<Kernel>(Kernel{api, asked->instructions, {}});
        made->layer.residual = asked->kind == Kind::block;
        made->layer.stride = asked->kind == Kind::halving ? 2 : 1;
        if (asked->kind == Kind::columns) {
            SPOTTER_TRY(prepare_taps(api, info, kColumnsTaps, made->layer));
        } else {
            SPOTTER_TRY(prepare(api, info, *asked->instructions->form, made->layer));
        }
        *kernel = made.release();
    } catch (const std::bad_alloc &) {
        return invalid(api, "out of memory");
    }
    return nullptr;
}

OrtStatus *compute_block(void *kernel, OrtKernelContext *context) {
    const auto &[api, instructions, layer] = *static_cast<const Kernel *>(kernel);
    const OrtValue *inputs[3] = {};
    std::vector<int64_t> shape, mask, factors;
    for (size_t each = 0; each < 3; ++each) SPOTTER_TRY(KernelContext_GetInput::call(api, context, each, &inputs[each]));
    SPOTTER_TRY(shape_of(api, inputs[kX], "x", 4, shape));
    SPOTTER_TRY(shape_of(api, inputs[kMask], "mask", 1, mask));
    SPOTTER_TRY(shape_of(api, inputs[kFactors], "factors", 2, factors));
    if (shape[3] != layer.inputs) return invalid(api, "x must have as many channels as w");
    if (mask[0] != shape[2]) return invalid(api, "mask must have a number for each column");
    Job job{&layer, nullptr, nullptr, nullptr, nullptr, shape[0], shape[1], shape[2], nullptr, 0};
    SPOTTER_TRY(data_of(api, inputs[kX], job.x));
    SPOTTER_TRY(data_of(api, inputs[kMask], job.mask));
    SPOTTER_TRY(data_of(api, inputs[kFactors], job.factors));
    if (factors[0] == 1 && factors[1] == 1 && *job.factors == 1.0f) {
        job.factors = nullptr;
    } else if (factors[0] != shape[2] || factors[1] != layer.inputs) {
        return invalid(api, "factors must be [W, C], or [1, 1] and 1");
    }
    shape[1] = job.rows_of_y();
    shape[3] = layer.outputs;
    OrtValue *output = nullptr;
    SPOTTER_TRY(KernelContext_GetOutput::call(api, context, 0, shape.data(), shape.size(), &output));
    SPOTTER_TRY(data_of(api, output, job.y));
    try {
        std::vector<int32_t> live;
        for (int64_t column = 0; column < job.columns; ++column) {
            if (job.mask[column] != 0.0f) {
                live.push_back(static_cast<int32_t>(column));
            } else {
                for (int64_t row = 0; row < shape[0] * shape[1]; ++row)
                    std::fill_n(job.y + (row * job.columns + column) * layer.outputs, layer.outputs, 0.0f);
            }
        }
        job.live = live.data();
        job.live_count = static_cast<int64_t>(live.size());
        return run_units(api, context, job, instructions->run_unit, job.room(*instructions->form));
    } catch (const std::bad_alloc &) {
        return invalid(api, "out of memory");
    }
}

OrtStatus *compute_columns(void *kernel, OrtKernelContext *context) {
    const auto &[api, instructions, layer] = *static_cast<const Kernel *>(kernel);
    const OrtValue *input = nullptr;
    std::vector<int64_t> shape;
    SPOTTER_TRY(KernelContext_GetInput::call(api, context, kColumnsX, &input));
    SPOTTER_TRY(shape_of(api, input, "x", 4, shape));
    if (shape[3] != layer.inputs) return invalid(api, "x must have as many channels as w");
    if (shape[0] * shape[1] == 0) return invalid(api, "x must have rows");
    Means job{nullptr, layer.taps.data(), layer.tap_bias.data(), nullptr, shape[0], shape[1], shape[2], shape[3]};
    SPOTTER_TRY(data_of(api, input, job.x));
    OrtValue *output = nullptr;
    SPOTTER_TRY(KernelContext_GetOutput::call(api, context, 0, shape.data() + 2, 2, &output));
    SPOTTER_TRY(data_of(api, output, job.y));
    return run_units(api, context, job, instructions->mean_unit, job.room());
}

OrtStatus *infer_shape(const OrtCustomOp *op, OrtShapeInferContext *context) {
    const auto *asked = static_cast<const Operator *>(op);
    const OrtApi *api = asked->api;
    Dimensions maps, out;
    SPOTTER_TRY(dimensions_of(api, context, kX, 4, maps));
    out.type = maps.type;
    if (asked->kind == Kind::columns) {
        out.add(maps, 2);
        out.add(maps, 3);
    } else {
        Dimensions down;
        SPOTTER_TRY(dimensions_of(api, context, kDown, 2, down));
        out.add(maps, 0);
        if (asked->kind == Kind::block) {
            out.add(maps, 1);
        } else {
            out.add(maps.numbers[1] < 0 ? -1 : (maps.numbers[1] + 1) / 2, "");
        }
        out.add(maps, 2);
        out.add(down, 1);
    }
    return set_dimensions(api, context, 0, out);
}

template <Kind kKind>
Operator described(const OrtApi *api, const Instructions &instructions) {
    Operator made;
    constexpr bool columns = kKind == Kind::columns;
    static_cast<OrtCustomOp &>(made) = described_by<Kernel>(create, columns ? compute_columns : compute_block, infer_shape);
    made.GetName = [](const OrtCustomOp *) {
        return kKind == Kind::columns ? "DepthwiseColumns" : kKind == Kind::block ? "QLinearBlock" : "QLinearHalvingBlock";
    };
    made.GetExecutionProviderType = [](const OrtCustomOp *) { return "CPUExecutionProvider"; };
    made.GetInputType = [](const OrtCustomOp *, size_t input) -> int { return columns ? kFloat : kTypes[input]; };
    made.GetInputTypeCount = [](const OrtCustomOp *) -> size_t { return columns ? +kColumnsInputs : +kInputs; };
    made.GetOutputType = [](const OrtCustomOp *, size_t) -> int { return kFloat; };
    made.GetOutputTypeCount = [](const OrtCustomOp *) -> size_t { return 1; };
    made.api = api;
    made.kind = kKind;
    made.instructions = &instructions;
    return made;
}

}  // namespace

const char *block_instructions(const std::string &named) { return instructions_of(named).name; }

bool blocks_pay() {
#ifdef SPOTTER_AVX2
    return &instructions_of("") != std::end(kInstructions) - 1 && (has_avx512() || !has_avx_vnni());
#else
    return false;
#endif
}

OrtStatus *add_blocks(const OrtApi *api, OrtCustomOpDomain *domain, const std::string &instructions) {
    const Instructions &chosen = instructions_of(instructions);
    // ONNX Runtime keeps their addresses as long as any session exists.
    auto *made = new (std::nothrow) Operator[3]{described<Kind::block>(api, chosen), described<Kind::halving>(api, chosen),
                                                described<Kind::columns>(api, chosen)};
    if (made == nullptr) return invalid(api, "out of memory");
    for (int each = 0; each < 3; ++each) SPOTTER_TRY(CustomOpDomain_Add::call(api, domain, made + each));
    return nullptr;
}

}  // namespace spotter

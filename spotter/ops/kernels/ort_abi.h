// The part of ONNX Runtime's C ABI that the kernels need, so that they can be built without its headers.
// OrtApi is a table of functions that only grows: an entry never changes its index, and GetApi returns null for a version
// that the runtime does not know (https://onnxruntime.ai/docs/api/c). tests/export/ops compares the indices below with the
// official header where that is installed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spotter {

constexpr uint32_t kApiVersion = 20;  // ONNX Runtime 1.20 or newer; the bodies need an even newer one

struct OrtStatus;
struct OrtValue;
struct OrtKernelInfo;
struct OrtKernelContext;
struct OrtShapeInferContext;
struct OrtOpAttr;
struct OrtSessionOptions;
struct OrtCustomOpDomain;
struct OrtTensorTypeAndShapeInfo;
struct OrtCustomOp;

struct OrtApi {
    const void *entry[1];  // in fact several hundred
};

struct OrtApiBase {
    const OrtApi *(*GetApi)(uint32_t version);
    const char *(*GetVersionString)();
};

// An entry of the table: its index and its signature.
template <size_t Place, class... Arguments>
struct Entry {
    using Function = OrtStatus *(*)(Arguments...);
    static constexpr size_t place = Place;
    static OrtStatus *call(const OrtApi *api, Arguments... arguments) {
        return reinterpret_cast<Function>(const_cast<void *>(api->entry[Place]))(arguments...);
    }
};

template <size_t Place, class Value>
struct Release {
    static constexpr size_t place = Place;
    static void call(const OrtApi *api, Value *value) {
        reinterpret_cast<void (*)(Value *)>(const_cast<void *>(api->entry[Place]))(value);
    }
};

using CreateStatus = Entry<0, int, const char *>;
using CreateCustomOpDomain = Entry<26, const char *, OrtCustomOpDomain **>;
using CustomOpDomain_Add = Entry<27, OrtCustomOpDomain *, const OrtCustomOp *>;
using AddCustomOpDomain = Entry<28, OrtSessionOptions *, OrtCustomOpDomain *>;
using GetTensorMutableData = Entry<51, const OrtValue *, void **>;
using CreateTensorTypeAndShapeInfo = Entry<57, OrtTensorTypeAndShapeInfo **>;
using SetTensorElementType = Entry<58, OrtTensorTypeAndShapeInfo *, int>;
using SetDimensions = Entry<59, OrtTensorTypeAndShapeInfo *, const int64_t *, size_t>;
using GetTensorElementType = Entry<60, const OrtTensorTypeAndShapeInfo *, int *>;
using GetDimensionsCount = Entry<61, const OrtTensorTypeAndShapeInfo *, size_t *>;
using GetDimensions = Entry<62, const OrtTensorTypeAndShapeInfo *, int64_t *, size_t>;
using GetSymbolicDimensions = Entry<63, const OrtTensorTypeAndShapeInfo *, const char **, size_t>;
using GetTensorTypeAndShape = Entry<65, const OrtValue *, OrtTensorTypeAndShapeInfo **>;
using KernelInfoGetAttribute_int64 = Entry<86, const OrtKernelInfo *, const char *, int64_t *>;
using KernelContext_GetInput = Entry<90, const OrtKernelContext *, size_t, const OrtValue **>;
using KernelContext_GetOutput = Entry<91, OrtKernelContext *, size_t, const int64_t *, size_t, OrtValue **>;
using ReleaseStatus = Release<93, OrtStatus>;
using ReleaseTensorTypeAndShapeInfo = Release<99, OrtTensorTypeAndShapeInfo>;
using KernelContext_GetGPUComputeStream = Entry<193, const OrtKernelContext *, void **>;
using GetSessionConfigEntry = Entry<238, const OrtSessionOptions *, const char *, char *, size_t *>;
using KernelInfoGetConstantInput_tensor = Entry<249, const OrtKernelInfo *, size_t, int *, const OrtValue **>;
using ShapeInferContext_GetInputTypeShape =
    Entry<268, const OrtShapeInferContext *, size_t, OrtTensorTypeAndShapeInfo **>;
using ShapeInferContext_GetAttribute = Entry<269, const OrtShapeInferContext *, const char *, const OrtOpAttr **>;
using ShapeInferContext_SetOutputTypeShape =
    Entry<270, const OrtShapeInferContext *, size_t, const OrtTensorTypeAndShapeInfo *>;
using SetSymbolicDimensions = Entry<271, OrtTensorTypeAndShapeInfo *, const char **, size_t>;
using ReadOpAttr = Entry<272, const OrtOpAttr *, int, void *, size_t, size_t *>;
using KernelContext_ParallelFor = Entry<274, const OrtKernelContext *, void (*)(void *, size_t), size_t, size_t, void *>;

enum { kFail = 1, kInvalidArgument = 2 };                  // OrtErrorCode
enum { kFloat = 1, kUint8 = 2, kInt8 = 3, kUint16 = 4, kInt32 = 6, kInt64 = 7, kFloat16 = 10 };  // ONNXTensorElementDataType
enum { kOpAttributeInt = 1 };                              // OrtOpAttrType
enum { kRequired = 0 };                                    // OrtCustomOpInputOutputCharacteristic
enum { kMemoryOfTheProvider = 0 };                         // OrtMemType

struct OrtCustomOp {
    uint32_t version;
    void *(*CreateKernel)(const OrtCustomOp *, const OrtApi *, const OrtKernelInfo *);
    const char *(*GetName)(const OrtCustomOp *);
    const char *(*GetExecutionProviderType)(const OrtCustomOp *);
    int (*GetInputType)(const OrtCustomOp *, size_t);
    size_t (*GetInputTypeCount)(const OrtCustomOp *);
    int (*GetOutputType)(const OrtCustomOp *, size_t);
    size_t (*GetOutputTypeCount)(const OrtCustomOp *);
    void (*KernelCompute)(void *, OrtKernelContext *);
    void (*KernelDestroy)(void *);
    int (*GetInputCharacteristic)(const OrtCustomOp *, size_t);
    int (*GetOutputCharacteristic)(const OrtCustomOp *, size_t);
    int (*GetInputMemoryType)(const OrtCustomOp *, size_t);
    int (*GetVariadicInputMinArity)(const OrtCustomOp *);
    int (*GetVariadicInputHomogeneity)(const OrtCustomOp *);
    int (*GetVariadicOutputMinArity)(const OrtCustomOp *);
    int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *);
    OrtStatus *(*CreateKernelV2)(const OrtCustomOp *, const OrtApi *, const OrtKernelInfo *, void **);
    OrtStatus *(*KernelComputeV2)(void *, OrtKernelContext *);
    OrtStatus *(*InferOutputShapeFn)(const OrtCustomOp *, OrtShapeInferContext *);
    int (*GetStartVersion)(const OrtCustomOp *);
    int (*GetEndVersion)(const OrtCustomOp *);
    size_t (*GetMayInplace)(int **, int **);
    void (*ReleaseMayInplace)(int *, int *);
    size_t (*GetAliasMap)(int **, int **);
    void (*ReleaseAliasMap)(int *, int *);
};

}  // namespace spotter

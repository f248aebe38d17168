#include "sample_cuda.h"

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>

namespace spotter {
namespace {

constexpr int kThreads = 128;        // bins a block
constexpr int kChannelsABlock = 16;  // for which a bin's taps are computed once

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(__half value) { return __half2float(value); }
__device__ inline void store(float *to, float value) { *to = value; }
__device__ inline void store(__half *to, float value) { *to = __float2half_rn(value); }

// A thread reads one bin in some channels: neighbours along a row read neighbouring elements and write neighbouring bins.
// Blocks: x over bins, y over channels, z over regions, each striding where there are more than a grid holds.
template <class T, bool kRotates>
__global__ void sample(const T *__restrict__ features, Maps maps, const float *__restrict__ places, Rotation rotation,
                       const int64_t *__restrict__ image_index, T *__restrict__ patches, Patches size) {
    const int64_t bins = size.rows * size.columns, plane = maps.height * maps.width;
    for (int64_t region = blockIdx.z; region < size.regions; region += gridDim.z) {
        const int64_t image = image_index[region];
        const bool known = image >= 0 && image < maps.batch && plane > 0;
        const int64_t filled = kRotates ? filled_columns(places + region * rotation.box_numbers, rotation) : size.columns;
        for (int64_t bin = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x; bin < bins;
             bin += static_cast<int64_t>(gridDim.x) * kThreads) {
            const int64_t row = bin / size.columns, column = bin % size.columns;
            const bool reads = known && column < filled;
            Taps taps{};
            if (reads && kRotates) {
                const Line line = row_of_box(places + region * rotation.box_numbers, rotation, row);
                const float u = (static_cast<float>(column) + 0.5f) / static_cast<float>(filled) - 0.5f;
                taps = taps_at(line.x0 + u * line.dx, line.y0 + u * line.dy, static_cast<int32_t>(maps.height),
                               static_cast<int32_t>(maps.width));
            } else if (reads) {
                const float *at = places + (region * bins + bin) * 2;
                taps = taps_at(at[0], at[1], static_cast<int32_t>(maps.height), static_cast<int32_t>(maps.width));
            }
            const int64_t next_column = maps.width > 1 ? 1 : 0, below = maps.height > 1 ? maps.width : 0;
            for (int64_t first = blockIdx.y * static_cast<int64_t>(kChannelsABlock); first < maps.channels;
                 first += static_cast<int64_t>(gridDim.y) * kChannelsABlock) {
                const int64_t end = first + kChannelsABlock < maps.channels ? first + kChannelsABlock : maps.channels;
                for (int64_t channel = first; channel < end; ++channel) {
                    float value = 0.0f;
                    if (reads) {
                        const T *upper = features + (image * maps.channels + channel) * plane + taps.offset;
                        const T *lower = upper + below;
                        value = taps.upper_left * to_float(upper[0]) + taps.upper_right * to_float(upper[next_column]) +
                                taps.lower_left * to_float(lower[0]) + taps.lower_right * to_float(lower[next_column]);
                    }
                    store(patches + (region * maps.channels + channel) * bins + bin, value);
                }
            }
        }
    }
}

const char *described(cudaError_t error) { return error == cudaSuccess ? nullptr : cudaGetErrorString(error); }

unsigned blocks(int64_t count, int64_t most) { return static_cast<unsigned>(std::min(count, most)); }

template <class T, class Host>
const char *launch(const Job<Host> &job, void *stream) {
    static_assert(sizeof(T) == sizeof(Host));
    const int64_t bins = job.size.rows * job.size.columns;
    const dim3 grid(blocks((bins + kThreads - 1) / kThreads, 1 << 16),
                    blocks((job.maps.channels + kChannelsABlock - 1) / kChannelsABlock, 1 << 10),
                    blocks(job.size.regions, 1 << 15));
    const auto *features = reinterpret_cast<const T *>(job.features);
    auto *patches = reinterpret_cast<T *>(job.patches);
    const auto on = static_cast<cudaStream_t>(stream);
    if (job.rotation != nullptr)
        sample<T, true><<<grid, kThreads, 0, on>>>(features, job.maps, job.places, *job.rotation, job.image_index, patches, job.size);
    else
        sample<T, false><<<grid, kThreads, 0, on>>>(features, job.maps, job.places, Rotation{}, job.image_index, patches, job.size);
    return described(cudaGetLastError());
}

}  // namespace

const char *run_on_cuda(const Job<float> &job, void *stream) { return launch<float>(job, stream); }
const char *run_on_cuda(const Job<Half> &job, void *stream) { return launch<__half>(job, stream); }

const char *copy_from_device(float *to, const float *from, size_t count, void *stream) {
    if (count == 0) return nullptr;
    const auto on = static_cast<cudaStream_t>(stream);
    if (const char *error = described(cudaMemcpyAsync(to, from, count * sizeof(float), cudaMemcpyDeviceToHost, on)))
        return error;
    return described(cudaStreamSynchronize(on));
}

}  // namespace spotter

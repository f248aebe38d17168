// The sampling on a GPU. Pointers of a job are device pointers, except `rotation`. Errors are CUDA's own descriptions,
// null for none.
#pragma once

#include <cstddef>

#include "sample.h"

namespace spotter {

// Queues a job on a stream (a cudaStream_t).
const char *run_on_cuda(const Job<float> &job, void *stream);
const char *run_on_cuda(const Job<Half> &job, void *stream);

// Copies numbers to the host, after the earlier work of the stream is done.
const char *copy_from_device(float *to, const float *from, size_t count, void *stream);

}  // namespace spotter

// QLinearConv3x3 as ONNX Runtime sees it.
#pragma once

#include "ort_abi.h"

namespace spotter {

// Whether the processor has what its kernel needs.
bool winograd_runs();

// Whether it is faster here than ONNX Runtime's own convolution of 8 bits, as it is with AVX-512's VNNI, and where nothing
// better than AVX2 multiplies bytes. (With AVX-512 alone, AVX-VNNI or AMX it was not measured.)
bool winograd_pays();

OrtStatus *add_winograd(const OrtApi *api, OrtCustomOpDomain *domain);

}  // namespace spotter

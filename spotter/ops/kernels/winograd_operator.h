// The interface of QLinearConv3x3 to ONNX Runtime.
#pragma once

#include "ort_abi.h"

namespace spotter {

// Whether the processor has the instructions that its kernel needs.
bool winograd_runs();

// Whether it is faster here than ONNX Runtime's own convolution in 8 bits: it is with AVX-512 VNNI, and where AVX2 is
// the best instruction set for products of bytes. (With AVX-512 alone, AVX-VNNI or AMX it was not measured.)
bool winograd_pays();

OrtStatus *add_winograd(const OrtApi *api, OrtCustomOpDomain *domain);

}  // namespace spotter

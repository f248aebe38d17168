// The interface of QLinearBlock, QLinearHalvingBlock and DepthwiseColumns to ONNX Runtime.
#pragma once

#include <string>

#include "ort_abi.h"

namespace spotter {

// The instruction set that their kernels use: the one that is named, if the processor has it, otherwise the best that
// it has.
const char *block_instructions(const std::string &named);

// Whether the kernels are faster than the bodies, or as fast and exact where ONNX Runtime's sums of bytes may overflow.
bool blocks_pay();

// Adds them with their kernels for an instruction set.
OrtStatus *add_blocks(const OrtApi *api, OrtCustomOpDomain *domain, const std::string &instructions);

}  // namespace spotter

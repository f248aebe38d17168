// QLinearBlock, QLinearHalvingBlock and DepthwiseColumns as ONNX Runtime sees them.
#pragma once

#include <string>

#include "ort_abi.h"

namespace spotter {

// The instruction set that their kernels use: the one that is named, if the processor has it, or else the best that it has.
const char *block_instructions(const std::string &named);

// Whether they are faster with those than by their bodies, or as fast, and right where ONNX Runtime's sums of bytes may not be.
bool blocks_pay();

// Adds them with their kernels for an instruction set.
OrtStatus *add_blocks(const OrtApi *api, OrtCustomOpDomain *domain, const std::string &instructions);

}  // namespace spotter

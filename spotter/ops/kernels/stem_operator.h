// BranchStem as ONNX Runtime sees it.
#pragma once

#include <string>

#include "ort_abi.h"

namespace spotter {

// Adds it with its kernel for an instruction set, as `block_instructions` names it.
OrtStatus *add_stem(const OrtApi *api, OrtCustomOpDomain *domain, const std::string &instructions);

}  // namespace spotter

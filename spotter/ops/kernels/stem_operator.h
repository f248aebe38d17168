// The interface of BranchStem to ONNX Runtime.
#pragma once

#include <string>

#include "ort_abi.h"

namespace spotter {

// Adds it with its kernel for an instruction set, one of `block_instructions`.
OrtStatus *add_stem(const OrtApi *api, OrtCustomOpDomain *domain, const std::string &instructions);

}  // namespace spotter

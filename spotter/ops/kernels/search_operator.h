// CtcBeamSearch as ONNX Runtime sees it.
#pragma once

#include "ort_abi.h"

namespace spotter {

// Adds it to the domain. It runs on the CPU, on a GPU's behalf too: it reads little and branches much.
OrtStatus *add_search(const OrtApi *api, OrtCustomOpDomain *domain);

}  // namespace spotter

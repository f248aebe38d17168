// The interface of CtcBeamSearch to ONNX Runtime.
#pragma once

#include "ort_abi.h"

namespace spotter {

// Adds it to the domain. It runs on the CPU even in sessions on a GPU: it reads little data and branches much.
OrtStatus *add_search(const OrtApi *api, OrtCustomOpDomain *domain);

}  // namespace spotter

"""Chooses what runs the graph's custom operators: the native kernels where they are built, else their bodies."""

import logging
import os
from dataclasses import dataclass
from typing import Any, Literal

from spotter import OLDEST_OPERATORS_VERSION, OPERATORS_VERSION
from spotter.ops import native

logger = logging.getLogger(__name__)
_said: set[str] = set()
_CHOICES = {"spotter.winograd": native.CONVOLUTION_VARIABLE, "spotter.blocks": native.BLOCKS_VARIABLE}


@dataclass(frozen=True)
class OperatorStatus:
    """run: `native` kernels, `function` bodies in standard operators, or `none` in the graph. reason: why there are no
    kernels."""

    run: Literal["native", "function", "none"]
    reason: str = ""


def register(options: Any, version: int | None, device: str) -> OperatorStatus:
    """Registers the kernels in a session's options (`onnxruntime.SessionOptions`), if there are any that the model can
    use on this device. ONNX Runtime then uses them instead of the bodies in the model. Where there are none, the reason
    is logged once.

    version: of the custom operators that the model uses; None when it uses none.
    """
    if version is None:
        return OperatorStatus("none")
    try:
        kernels = native.find()
        if not OLDEST_OPERATORS_VERSION <= version <= OPERATORS_VERSION:
            known = f"{OLDEST_OPERATORS_VERSION} to {OPERATORS_VERSION}"
            raise native.KernelsError(f"the model has version {version} of the operators, the kernels {known}")
        if device != "cpu" and not kernels.cuda:  # nodes on the CPU would copy every feature map to the CPU and back
            raise native.KernelsError(f"none were built for {device}: run `spotter build-ops --cuda`")
        # On a GPU the standard operators of the bodies are faster for convolutions.
        for entry, variable in _CHOICES.items():
            wish = os.environ.get(variable, "") if device == "cpu" else "off"
            if wish:
                options.add_session_config_entry(entry, wish)
        options.register_custom_ops_library(str(kernels.path.resolve()))
    except Exception as error:  # ONNX Runtime's exceptions share no other base; the bodies work in any case
        if str(error) not in _said:
            logger.warning("the operators run as functions, more slowly: %s", error)
        _said.add(str(error))
        return OperatorStatus("function", str(error))
    return OperatorStatus("native")

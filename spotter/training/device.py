"""The command line's option for the device on which torch computes."""

from typing import Any

import click
import torch


def usable_device(_context: Any, _parameter: Any, name: str) -> str:
    """The name of a device, as an option gives it. Raises BadParameter when torch cannot compute there."""
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise click.BadParameter(str(error).splitlines()[0]) from None
    return name

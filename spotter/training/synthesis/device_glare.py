"""The highlights and reflections of `glare`, on a device."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.training.synthesis.glare import edges
from spotter.training.synthesis.layout import Highlight, Reflection


def enlarged(picture: Tensor, size: int) -> Tensor:
    """float32 [s, s, 3] -> [size, size, 3]."""
    planes = picture.permute(2, 0, 1)[None]
    return F.interpolate(planes, (size, size), mode="bilinear", align_corners=False)[0].permute(1, 2, 0).round()


def _centres(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """x float32 [1, size] and y float32 [size, 1] of the pixels' centres."""
    centres = torch.arange(size, device=device) + 0.5
    return centres[None], centres[:, None]


def mirror(image: Tensor, seen: Tensor, reflection: Reflection) -> None:
    """Blends the mirrored picture `seen` into float32 [S, S, 3], 0..255, in place."""
    share: Tensor | float = reflection.strength
    if reflection.pane is not None:
        x, y = _centres(len(image), image.device)
        cover = torch.ones((len(image), len(image)), device=image.device)
        for a, b, c in edges(reflection.pane).tolist():
            cover = torch.minimum(cover, (a * x + b * y + c + 0.5).clamp(0, 1))
        share = (cover * reflection.strength)[..., None]
    image.copy_((image * (1 - share) + seen * share).round())


def light_batch(canvas: Tensor, several: Sequence[Sequence[Highlight]]) -> None:
    """Adds each picture's highlights to float32 [B, S, S, 3], 0..255, in place."""
    lit = [(number, light) for number, lights in enumerate(several) for light in lights]
    if not lit:
        return
    numbers = torch.tensor(
        [(light.x, light.y, light.along, light.across, light.angle, light.light) for _, light in lit],
        dtype=torch.float32,
        device=canvas.device,
    )
    middle_x, middle_y, along, across, angle, light = numbers[:, :, None, None].unbind(1)
    x, y = _centres(canvas.shape[1], canvas.device)
    x, y = x - middle_x, y - middle_y
    cos, sin = angle.cos(), angle.sin()
    distance = ((x * cos + y * sin) / along) ** 2 + ((y * cos - x * sin) / across) ** 2
    added = ((1 - distance).clamp(min=0) ** 2 * (255 * light)).clamp(max=255).floor()
    index = torch.tensor([number for number, _ in lit], device=canvas.device)
    canvas.index_add_(0, index, added[..., None].expand(-1, -1, -1, 3)).clamp_(max=255)

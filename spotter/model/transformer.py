"""The Transformer layer that the recogniser's encoder and a backbone's blocks share."""

from torch import Tensor, nn

from spotter.model.rotary import turned


class PreNormLayer(nn.Module):
    """Self-attention and a feed-forward part, each preceded by its norm and with a residual connection (Vaswani et al.
    2017, arXiv:1706.03762; Xiong et al. 2020, arXiv:2002.04745).

    position: a depthwise convolution that encodes positions (conditional positional encoding, Chu et al. 2021,
        arXiv:2102.10882), so lengths and maps have no limit; the caller applies it.
    """

    def __init__(self, width: int, heads: int, position: nn.Module) -> None:
        super().__init__()
        self.heads = heads
        self.position = position
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def mix(self, x: Tensor, mask: Tensor | None = None, angles: Tensor | None = None) -> Tensor:
        """x: [N, L, D] -> the same, positions already encoded; mask: [N, L, 1], 1 where
        positions may be attended to; angles: of rotary positions, see `spotter.model.rotary`."""
        x = x + self.project(self.attend(self.queries_keys_values(self.attention_norm(x)), mask, angles))
        out: Tensor = x + self.feed(self.feed_norm(x))
        return out

    def attend(self, parts: Tensor, mask: Tensor | None = None, angles: Tensor | None = None) -> Tensor:
        """Queries, keys and values [N, L, 3 D] -> what each position attends to, [N, L, D]; the rest as in `mix`."""
        rows, length, width = parts.shape[0], parts.shape[1], parts.shape[2] // 3
        split = parts.reshape(rows, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        queries, keys, values = split.unbind(0)  # N x heads x L x D / heads
        if angles is not None:
            queries, keys = turned(queries, angles), turned(keys, angles)
        weights = (queries @ keys.transpose(-1, -2) * (width // self.heads) ** -0.5).float()
        if mask is not None:
            weights = weights + (mask.transpose(1, 2)[:, None].float() - 1) * 1e4
        mixed = weights.softmax(-1).to(values.dtype) @ values
        seen: Tensor = mixed.transpose(1, 2).reshape(rows, length, width)
        return seen

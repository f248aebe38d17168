"""The custom operators of domain `spotter`, as model-local functions in standard operators.

RoIRotate computes a grid and calls SampleRegions, which is itself a function over GridSample; BezierAlign
(`spotter.ops.bezier`) does the same. Where a native kernel is registered for one of them, ONNX Runtime runs it instead
of the body; everywhere else the body runs.

The version of the domain is 2; in version 1 boxes have no slant, and the kernels still run such graphs.

Features and samples have one type, float or float16; boxes and grids are always float, and the bodies compute in float.
N may be 0: W' is then the smallest width of a region.
"""

import onnx
from onnx import TensorProto

from spotter.ops import decoding
from spotter.ops.bezier import bezier_align
from spotter.ops.interface import BLOCK, COLUMNS, CONVOLUTION, HALVING_BLOCK, STEM
from spotter.ops.script import Tensor, body, op, own

LARGEST_MARGIN = 20.0
"""The largest margin of CtcBeamSearch."""
IMPOSSIBLE = -1e9
"""The score of an impossible path in CtcBeamSearch."""
MULTIPLIER, MODULUS, SHIFT = 257, 2147483629, 256
"""The constants of a text's hash in CtcBeamSearch, as explained in `spotter.model.language` and computed in
search.cpp."""


@body("SampleRegions")
def _sample_regions(features: Tensor, grid: Tensor, image_index: Tensor) -> Tensor:
    """features [B, C, H, W]; grid [N, h, w, 2] = (x, y) in elements of the map, half-pixel; image_index int64 [N] ->
    samples [N, C, h, w], bilinear; zero off the map, where a position is NaN, and where an index is outside the
    batch."""
    at_0, at_1, at_2 = op.Constant(value_ints=[0]), op.Constant(value_ints=[1]), op.Constant(value_ints=[2])
    at_3, at_4 = op.Constant(value_ints=[3]), op.Constant(value_ints=[4])
    minus_one, half = op.Constant(value_float=-1.0), op.Constant(value_float=0.5)
    one, two = op.Constant(value_float=1.0), op.Constant(value_float=2.0)

    # Maps are laid end to end with a row of zeros after each, and one GridSample reads all of them, so no map is copied
    # for a region.
    shape = op.Shape(features)
    batch, channels = op.Slice(shape, at_0, at_1), op.Slice(shape, at_1, at_2)
    height, width = op.Slice(shape, at_2, at_3), op.Slice(shape, at_3, at_4)
    height_with_zeros = height + at_1
    rows = batch * height_with_zeros
    padded = op.Pad(op.Cast(features, to=TensorProto.FLOAT), op.Constant(value_ints=[0, 0, 0, 0, 0, 0, 1, 0]))
    stacked_shape = op.Concat(at_1, channels, rows, width, axis=0)
    stacked = op.Reshape(op.Transpose(padded, perm=[1, 0, 2, 3]), stacked_shape, allowzero=1)

    # Positions in the maps, moved off them where they are NaN; then positions in all maps together, from -1 to 1.
    height_f, width_f = op.Cast(height, to=TensorProto.FLOAT), op.Cast(width, to=TensorProto.FLOAT)
    x, y = op.Split(grid, axis=3, num_outputs=2)
    x, y = x - half, y - half
    x, y = op.Where(op.IsNaN(x), minus_one, x), op.Where(op.IsNaN(y), minus_one, y)
    x = op.Min(op.Max(x, minus_one), op.Squeeze(width_f))
    y = op.Min(op.Max(y, minus_one), op.Squeeze(height_f))
    above = op.Cast(image_index, to=TensorProto.FLOAT) * op.Cast(height_with_zeros, to=TensorProto.FLOAT)
    y = y + op.Unsqueeze(above, op.Constant(value_ints=[1, 2, 3]))
    x = (x * two + one) / width_f - one
    y = (y * two + one) / op.Cast(rows, to=TensorProto.FLOAT) - one

    grid_shape = op.Shape(grid)
    regions, bins_down = op.Slice(grid_shape, at_0, at_1), op.Slice(grid_shape, at_1, at_2)
    bins_along = op.Slice(grid_shape, at_2, at_3)
    flat_shape = op.Concat(at_1, regions * bins_down, bins_along, at_2, axis=0)
    flat = op.Reshape(op.Concat(x, y, axis=3), flat_shape, allowzero=1)
    sampled = op.GridSample(stacked, flat, mode="linear", padding_mode="zeros", align_corners=0)
    apart = op.Reshape(sampled, op.Concat(channels, regions, bins_down, bins_along, axis=0), allowzero=1)
    samples = op.CastLike(op.Transpose(apart, perm=[1, 0, 2, 3]), features)
    return samples


@body("RoIRotate")
def _roi_rotate(
    features: Tensor,
    boxes: Tensor,
    image_index: Tensor,
    height: int,
    min_width: int,
    max_width: int,
    scale: int,
    stride: int,
) -> Tensor:
    """features [B, C, H, W] at `stride`; boxes [N, 6] as in `spotter.families.fots.boxes`, picture pixels and radians;
    image_index int64 [N] -> patches [N, C, height, W'], where W' is the number of columns of the widest region.

    A region fills `scale` x clip(height / scale x w / h, min_width, max_width) columns, rounded up, and its patch is
    zero beyond them.
    """
    height_i = op.Constant(value_int=height)
    height_f, stride_f = op.Cast(height_i, to=TensorProto.FLOAT), op.Cast(stride, to=TensorProto.FLOAT)
    scale_f = op.Cast(scale, to=TensorProto.FLOAT)
    min_f, max_f = op.Cast(min_width, to=TensorProto.FLOAT), op.Cast(max_width, to=TensorProto.FLOAT)
    zero_f, half, thin = op.Constant(value_float=0.0), op.Constant(value_float=0.5), op.Constant(value_float=1e-3)
    zero, one, any_size = op.Constant(value_int=0), op.Constant(value_int=1), op.Constant(value_ints=[-1])
    at_1, at_2, at_3 = op.Constant(value_ints=[1]), op.Constant(value_ints=[2]), op.Constant(value_ints=[3])

    # The number of columns that each region fills.
    cx, cy, w, h, theta, slant = op.Split(boxes, axis=1, num_outputs=6)
    wanted = w / op.Max(h, thin) * (height_f / scale_f)
    known = op.Where(op.IsNaN(wanted), zero_f, wanted)
    widths = op.Ceil(op.Min(op.Max(known, min_f), max_f)) * scale_f
    all_widths = op.Concat(op.Reshape(widths, any_size, allowzero=1), op.Reshape(min_f * scale_f, any_size), axis=0)
    widest = op.Cast(op.ReduceMax(all_widths, keepdims=0), to=TensorProto.INT64)
    columns = op.Cast(op.Range(zero, widest, one), to=TensorProto.FLOAT)
    rows = op.Cast(op.Range(zero, height_i, one), to=TensorProto.FLOAT)

    # The bins' positions in the box, relative to its middle; then sheared, rotated, moved and scaled.
    down = op.Unsqueeze(((rows + half) / height_f - half) * h, at_2)
    along = op.Unsqueeze(((columns + half) / widths - half) * w, at_1) + op.Unsqueeze(slant, at_2) * down
    cos, sin = op.Unsqueeze(op.Cos(theta), at_2), op.Unsqueeze(op.Sin(theta), at_2)
    x = (op.Unsqueeze(cx, at_2) + (along * cos - down * sin)) / stride_f
    y = (op.Unsqueeze(cy, at_2) + (along * sin + down * cos)) / stride_f
    grid = op.Concat(op.Unsqueeze(x, at_3), op.Unsqueeze(y, at_3), axis=3)

    samples = own.SampleRegions(features, grid, image_index)
    inside = op.Unsqueeze(op.CastLike(columns < widths, samples), op.Constant(value_ints=[1, 2]))
    patches = samples * inside
    return patches


@body("CtcBeamSearch")
def _ctc_beam_search(
    log_probabilities: Tensor,
    widths: Tensor,
    costs: Tensor,
    following: Tensor,
    symbols: Tensor,
    weights: Tensor,
    beams: int,
) -> tuple[Tensor, Tensor]:
    """log_probabilities [N, W, C]; widths int64 [N]; a language model's costs uint8 [S, A] and following uint16 [S, A]
    (see `spotter.model.language`); symbols int64 [C], below A; weights [2] = (nats of one unit of cost, nats for each
    character) -> classes int32 [N, W] and margins [N], as from `spotter.model.language.LanguageModel`."""
    beams_i = op.Constant(value_int=beams)
    zero, one, two = op.Constant(value_int=0), op.Constant(value_int=1), op.Constant(value_int=2)
    zero_f, least = op.Constant(value_float=0.0), op.Constant(value_float=IMPOSSIBLE)
    at_0, at_1, at_2 = op.Constant(value_ints=[0]), op.Constant(value_ints=[1]), op.Constant(value_ints=[2])
    at_3, any_size = op.Constant(value_ints=[3]), op.Constant(value_ints=[-1])
    multiplier, modulus = op.Constant(value_int=MULTIPLIER), op.Constant(value_int=MODULUS)
    shift, furthest = op.Constant(value_int=SHIFT), op.Constant(value_float=LARGEST_MARGIN)

    unit, bonus = op.Gather(weights, zero, axis=0), op.Gather(weights, one, axis=0)
    shape = op.Shape(log_probabilities)
    regions, columns = op.Slice(shape, at_0, at_1), op.Slice(shape, at_1, at_2)
    classes_1 = op.Slice(shape, at_2, at_3)
    beams_1 = op.Reshape(beams_i, at_1)
    twice_beams_1 = beams_1 * at_2
    ways_shape = op.Concat(regions, beams_1 * classes_1, axis=0)
    state_shape = op.Concat(regions, beams_1, axis=0)
    text_shape = op.Concat(regions, beams_1, columns, axis=0)
    count = op.Squeeze(classes_1)
    every = op.Range(zero, count, one)
    blank = every == zero
    nothing = op.Where(blank, zero_f, least)
    symbols_size = op.Shape(costs, start=1)
    costs_of = op.Gather(costs, symbols, axis=1)
    follow = op.Reshape(following, any_size)
    places = op.Range(zero, beams_i * two, one)
    earlier = op.Unsqueeze(places, at_1) < places
    every_column = op.Range(zero, op.Squeeze(columns), one)

    # The columns are read one after another; the state is the beams of all words. (A nested function's return type
    # would be taken for the outer one's, so it has none.)
    def column(score, state, last, number, text, log_probabilities_here, here):  # type: ignore[no-untyped-def]
        # The score of each beam with each class that may follow, and the best of all of them, twice as many as beams.
        within = op.Unsqueeze(here < widths, at_1)
        masked = op.Where(within, log_probabilities_here, nothing)
        charge = op.Cast(op.Gather(costs_of, state, axis=0), to=TensorProto.FLOAT) * unit
        stays = blank | (every == op.Unsqueeze(last, at_2))
        read = op.Unsqueeze(score, at_2) + op.Unsqueeze(masked, at_1)
        ways = read + op.Where(stays, zero_f, bonus - charge)
        likely, index = op.TopK(op.Reshape(ways, ways_shape, allowzero=1), twice_beams_1, axis=1)

        # The beams that these continuations give.
        parent = index / count
        kind = index - parent * count
        state_was, last_was = op.GatherElements(state, parent, axis=1), op.GatherElements(last, parent, axis=1)
        number_was = op.GatherElements(number, parent, axis=1)
        keeps = (kind == zero) | (kind == last_was)
        symbol = op.Gather(symbols, kind, axis=0)
        after = op.Cast(op.Gather(follow, state_was * symbols_size + symbol, axis=0), to=TensorProto.INT64)
        state_then = op.Where(keeps, state_was, after)
        number_then = op.Where(keeps, number_was, (number_was * multiplier + symbol + one) % modulus)
        spelt = op.Where(keeps, zero, kind)

        # Of those with the same text and the same last symbol only the best is kept; of these the best beams are kept.
        key = number_then * shift + symbol
        alike = op.Unsqueeze(key, at_2) == op.Unsqueeze(key, at_1)
        again = op.ReduceMax(op.Cast(alike & earlier, to=TensorProto.FLOAT), at_1, keepdims=0) > zero_f
        score_out, order = op.TopK(op.Where(again, least, likely), beams_1, axis=1)
        state_out, last_out = op.GatherElements(state_then, order, axis=1), op.GatherElements(kind, order, axis=1)
        number_out = op.GatherElements(number_then, order, axis=1)
        parents = op.Expand(op.Unsqueeze(op.GatherElements(parent, order, axis=1), at_2), text_shape)
        spelt_here = op.Unsqueeze(op.GatherElements(spelt, order, axis=1), at_2)
        text_out = op.Where(every_column == here, spelt_here, op.GatherElements(text, parents, axis=1))
        return score_out, state_out, last_out, number_out, text_out

    first = op.Range(zero, beams_i, one) == zero
    start_score = op.Expand(op.Where(first, zero_f, least), state_shape)
    start_state, start_text = op.Expand(zero, state_shape), op.Expand(zero, text_shape)
    by_column = op.Transpose(log_probabilities, perm=[1, 0, 2])
    score_n, state_n, _last_n, number_n, text_n = op.Scan(
        start_score,
        start_state,
        start_state,
        start_state,
        start_text,
        by_column,
        every_column,
        body=column,
        num_scan_inputs=2,
    )

    # The cost of a text's end; the best beam, and its margin to the best beam with another text.
    end_costs = op.Squeeze(op.Gather(costs, symbols_size - at_1, axis=1), at_1)
    end_charge = op.Cast(op.Gather(end_costs, state_n, axis=0), to=TensorProto.FLOAT) * unit
    final = score_n - op.Where(number_n > zero, end_charge, zero_f)
    best_score, best = op.TopK(final, at_1, axis=1)
    best_of_all = op.Expand(op.Unsqueeze(best, at_2), op.Concat(regions, at_1, columns, axis=0))
    best_text = op.Squeeze(op.GatherElements(text_n, best_of_all, axis=1), at_1)
    classes = op.Cast(best_text, to=TensorProto.INT32)
    others = op.Where(number_n == op.GatherElements(number_n, best, axis=1), least, final)
    ahead = op.Squeeze(best_score, at_1) - op.ReduceMax(others, at_1, keepdims=0)
    margins = op.Min(ahead, furthest)
    return classes, margins


@body(CONVOLUTION)
def _convolution(
    x: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero_point: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor,
) -> Tensor:
    """Maps x uint8 [B, H, W, C], weights w int8 [M, C, 3, 3] and b int32 [M], each with its scale and zero point, and
    those of y -> y uint8 [B, H, W, M]: ONNX's QLinearConv with a 3x3 kernel and stride 1 that keeps the size, for maps
    with channels last. All inputs except x are constants; the zero points of w and b are 0."""
    # These nodes are fused by ONNX Runtime into its own 8-bit convolution.
    x_f = op.DequantizeLinear(op.Transpose(x, perm=[0, 3, 1, 2]), x_scale, x_zero_point)
    w_f = op.DequantizeLinear(w, w_scale, w_zero_point, axis=0)
    b_f = op.DequantizeLinear(b, b_scale, b_zero_point, axis=0)
    convolved = op.Conv(x_f, w_f, b_f, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    y = op.Transpose(op.QuantizeLinear(convolved, y_scale, y_zero_point), perm=[0, 2, 3, 1])
    return y


def _block(operator: str, rows: int, residual: bool) -> onnx.FunctionProto:
    """rows: the stride along the height. residual: whether the convolution of x is added to the output of the
    matrices."""

    @body(operator)
    def block(
        x: Tensor,
        mask: Tensor,
        factors: Tensor,
        w: Tensor,
        b: Tensor,
        d_scale: Tensor,
        d_zero_point: Tensor,
        up: Tensor,
        up_scale: Tensor,
        up_bias: Tensor,
        m_scale: Tensor,
        m_zero_point: Tensor,
        g_scale: Tensor,
        g_zero_point: Tensor,
        down: Tensor,
        down_scale: Tensor,
        down_bias: Tensor,
        channels: int,
    ) -> Tensor:
        """A row of words x [B, H, W, C], channels last; mask [W]; factors [W, C], or [1, 1] holding 1; a depthwise
        convolution w [C, 1, 3, 3] and b [C]; matrices up int8 [C, K] and down int8 [K, M], each with a scale and a bias
        for every column; and the rounding to 8 bits before up (d), before GELU (m) and after it (g): scale and zero
        point of uint8 -> y [B, H, W, M]; of QLinearHalvingBlock [B, ceil(H / 2), W, M].

        d is the convolution of x, padded with zeros, times the factors; y is mask * (d + down(gelu(up(d)))), where M is
        C. For QLinearHalvingBlock the convolution has the stride (2, 1), and y is mask * down(gelu(up(d))). All inputs
        except x, mask and factors are constants; the attribute `channels` is C.
        """
        x_first = op.Transpose(x, perm=[0, 3, 1, 2])
        seen = op.Conv(x_first, w, b, group=channels, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[rows, 1])
        d = op.Transpose(seen, perm=[0, 2, 3, 1]) * factors
        d_f = op.DequantizeLinear(op.QuantizeLinear(d, d_scale, d_zero_point), d_scale, d_zero_point)
        m = d_f @ op.DequantizeLinear(up, up_scale, axis=1) + up_bias
        m_f = op.DequantizeLinear(op.QuantizeLinear(m, m_scale, m_zero_point), m_scale, m_zero_point)
        g = op.Gelu(m_f)
        g_f = op.DequantizeLinear(op.QuantizeLinear(g, g_scale, g_zero_point), g_scale, g_zero_point)
        bent = g_f @ op.DequantizeLinear(down, down_scale, axis=1) + down_bias
        if residual:
            bent = d + bent
        y = bent * op.Unsqueeze(mask, op.Constant(value_ints=[1]))
        return y

    return block


@body(COLUMNS)
def _columns(x: Tensor, w: Tensor, b: Tensor, channels: int) -> Tensor:
    """x, w and b as in QLinearBlock -> means [W, C], over B and H, of the convolution of x."""
    x_first = op.Transpose(x, perm=[0, 3, 1, 2])
    seen = op.Conv(x_first, w, b, group=channels, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    y = op.Transpose(op.ReduceMean(seen, op.Constant(value_ints=[0, 2]), keepdims=0), perm=[1, 0])
    return y


@body(STEM)
def _stem(
    x: Tensor,
    halves: Tensor,
    mask: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    w3: Tensor,
    b3: Tensor,
    w4: Tensor,
    b4: Tensor,
    w5: Tensor,
    b5: Tensor,
) -> Tensor:
    """Pixels x [B, 4, H, W], H and W multiples of 4; masks `halves` [W / 2] and `mask` [W / 4]; weights and biases of
    five convolutions -> y [B, H / 4, W / 4, M], channels last, as from `spotter.model.ppocr.BranchStem`, times the
    mask. All inputs except x and the masks are constants."""
    first = op.Relu(op.Conv(x, w1, b1, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])) * halves
    padded = op.Pad(first, op.Constant(value_ints=[0, 0, 0, 0, 0, 0, 1, 1]))
    pooled = op.MaxPool(padded, kernel_shape=[2, 2], strides=[1, 1])
    narrow = op.Relu(op.Conv(first, w2, b2, kernel_shape=[2, 2], pads=[0, 0, 1, 1])) * halves
    branch = op.Relu(op.Conv(narrow, w3, b3, kernel_shape=[2, 2], pads=[0, 0, 1, 1]))
    joined = op.Concat(pooled, branch, axis=1) * halves
    fourth = op.Relu(op.Conv(joined, w4, b4, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]))
    fifth = op.Relu(op.Conv(fourth, w5, b5, kernel_shape=[1, 1]))
    y = op.Transpose(fifth * mask, perm=[0, 2, 3, 1])
    return y


_BODIES = (
    *(_sample_regions, _roi_rotate, bezier_align, _ctc_beam_search, _convolution, _columns, _stem),
    _block(BLOCK, rows=1, residual=True),
    _block(HALVING_BLOCK, rows=2, residual=False),
    *decoding.BODIES,
)


def functions() -> list[onnx.FunctionProto]:
    """The operators' bodies, to be added to a model's functions."""
    return list(_BODIES)

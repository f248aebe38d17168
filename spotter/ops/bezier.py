"""BezierAlign's body: computes a grid in standard operators and samples it by SampleRegions, whose kernel is used where
it is loaded."""

import numpy as np
from onnx import TensorProto

from spotter.ops.script import Tensor, body, op, own

_T = np.linspace(0, 1, 9)
_JOINTS = np.stack([(1 - _T) ** 3, 3 * (1 - _T) ** 2 * _T, 3 * (1 - _T) * _T**2, _T**3], axis=1).astype(np.float32)
"""The cubic Bernstein polynomials at the ends of eight pieces of a curve."""


@body("BezierAlign")
def bezier_align(
    features: Tensor,
    curves: Tensor,
    image_index: Tensor,
    height: int,
    min_width: int,
    max_width: int,
    scale: int,
    stride: int,
) -> Tensor:
    """features [B, C, H, W] at `stride`; curves [N, 16] as in `spotter.families.abcnet.bezier`, picture pixels;
    image_index int64 [N] -> patches [N, C, height, W'], where W' is the number of columns of the widest region.

    Length and height of a region are measured on eight pieces of its middle line. It fills `scale` x clip(height /
    scale x length / height of the region, min_width, max_width) columns, rounded up, and its patch is zero beyond them.
    N may be 0.
    """
    height_i = op.Constant(value_int=height)
    height_f, stride_f = op.Cast(height_i, to=TensorProto.FLOAT), op.Cast(stride, to=TensorProto.FLOAT)
    scale_f = op.Cast(scale, to=TensorProto.FLOAT)
    min_f, max_f = op.Cast(min_width, to=TensorProto.FLOAT), op.Cast(max_width, to=TensorProto.FLOAT)
    zero_f, half, one_f = op.Constant(value_float=0.0), op.Constant(value_float=0.5), op.Constant(value_float=1.0)
    three_f, thin, short = op.Constant(value_float=3.0), op.Constant(value_float=1e-3), op.Constant(value_float=1e-6)
    zero, one = op.Constant(value_int=0), op.Constant(value_int=1)
    at_0, at_1, at_2 = op.Constant(value_ints=[0]), op.Constant(value_ints=[1]), op.Constant(value_ints=[2])
    at_8, at_9, any_size = op.Constant(value_ints=[8]), op.Constant(value_ints=[9]), op.Constant(value_ints=[-1])
    at_1_2 = op.Constant(value_ints=[1, 2])

    # Upper and lower line at the joints, and from them the length and the area of all pieces.
    points = op.Reshape(curves, op.Constant(value_ints=[0, 2, 4, 2]))
    upper, lower = op.Split(op.Constant(value=_JOINTS) @ points, axis=1, num_outputs=2)
    upper, lower = op.Squeeze(upper, at_1), op.Squeeze(lower, at_1)
    middle = (upper + lower) * half
    across = lower - upper
    step = op.Slice(middle, at_1, at_9, at_1) - op.Slice(middle, at_0, at_8, at_1)
    down = (op.Slice(across, at_0, at_8, at_1) + op.Slice(across, at_1, at_9, at_1)) * half
    length = op.ReduceSum(op.Sqrt(op.ReduceSum(step * step, at_2, keepdims=0)), at_1, keepdims=1)
    step_x, step_y = op.Split(step, axis=2, num_outputs=2)
    down_x, down_y = op.Split(down, axis=2, num_outputs=2)
    area = op.ReduceSum(op.Squeeze(step_x * down_y - step_y * down_x, at_2), at_1, keepdims=1)

    # The number of columns that each region fills.
    tall = op.Max(area / op.Max(length, short), thin)
    wanted = length / tall * (height_f / scale_f)
    known = op.Where(op.IsNaN(wanted), zero_f, wanted)
    widths = op.Ceil(op.Min(op.Max(known, min_f), max_f)) * scale_f
    all_widths = op.Concat(op.Reshape(widths, any_size, allowzero=1), op.Reshape(min_f * scale_f, any_size), axis=0)
    widest = op.Cast(op.ReduceMax(all_widths, keepdims=0), to=TensorProto.INT64)
    columns = op.Cast(op.Range(zero, widest, one), to=TensorProto.FLOAT)

    # The Bernstein polynomials at the middle of each column give points on both lines, and the rows lie between them.
    t = op.Min((columns + half) / widths, one_f)
    s = one_f - t
    tt, ss = t * t, s * s
    first, second = op.Unsqueeze(ss * s, at_2), op.Unsqueeze(ss * t * three_f, at_2)
    third, fourth = op.Unsqueeze(s * tt * three_f, at_2), op.Unsqueeze(tt * t, at_2)
    basis = op.Unsqueeze(op.Concat(first, second, third, fourth, axis=2), at_1)
    upper_line, lower_line = op.Split(basis @ points, axis=1, num_outputs=2)
    rows = op.Cast(op.Range(zero, height_i, one), to=TensorProto.FLOAT)
    share = op.Unsqueeze((rows + half) / height_f, at_1_2)
    grid = (upper_line + (lower_line - upper_line) * share) / stride_f

    samples = own.SampleRegions(features, grid, image_index)
    inside = op.Unsqueeze(op.CastLike(columns < widths, samples), at_1_2)
    patches = samples * inside
    return patches

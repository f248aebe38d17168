"""BezierAlign's body: a grid in standard operators, sampled by SampleRegions, whose kernel serves it.

BezierAlign: features [B, C, H, W] at `stride`; curves [N, 16] as in `spotter.families.abcnet.bezier`, picture pixels;
image_index int64 [N] -> patches [N, C, height, W'], W' being the widest region's columns. Length and height of a region
are those of eight pieces of its middle line; it fills `scale` x clip(height / scale x length / height of the region,
min_width, max_width) columns, rounded up, and its patch is zero beyond them. N may be 0.
"""

from spotter import OPERATORS_VERSION
from spotter.ops.interface import DOMAIN, OPSET

_PIECES = 8


def _bernstein(pieces: int) -> str:
    """Bernstein's cubic polynomials at 0, 1 / pieces, ..., 1, as ONNX's textual form has a tensor."""
    rows = []
    for step in range(pieces + 1):
        t = step / pieces
        s = 1 - t
        rows += [s**3, 3 * s * s * t, 3 * s * t * t, t**3]
    return f"float[{pieces + 1}, 4] {{{', '.join(f'{value:.9g}' for value in rows)}}}"


BEZIER_ALIGN = f"""
<opset_import: ["" : {OPSET}, "{DOMAIN}" : {OPERATORS_VERSION}], domain: "{DOMAIN}">
BezierAlign <height, min_width, max_width, scale, stride> (features, curves, image_index) => (patches)
{{
    height_i = Constant <value_int : int = @height> ()
    min_i = Constant <value_int : int = @min_width> ()
    max_i = Constant <value_int : int = @max_width> ()
    scale_i = Constant <value_int : int = @scale> ()
    stride_i = Constant <value_int : int = @stride> ()
    height_f = Cast <to = 1> (height_i)
    min_f = Cast <to = 1> (min_i)
    max_f = Cast <to = 1> (max_i)
    scale_f = Cast <to = 1> (scale_i)
    stride_f = Cast <to = 1> (stride_i)
    half = Constant <value_float = 0.5> ()
    one_f = Constant <value_float = 1.0> ()
    three_f = Constant <value_float = 3.0> ()
    zero_f = Constant <value_float = 0.0> ()
    thin = Constant <value_float = 0.001> ()
    short = Constant <value_float = 1e-06> ()
    zero = Constant <value_int = 0> ()
    one = Constant <value_int = 1> ()
    at_0 = Constant <value_ints = [0]> ()
    at_1 = Constant <value_ints = [1]> ()
    at_2 = Constant <value_ints = [2]> ()
    at_3 = Constant <value_ints = [3]> ()
    minus_one = Constant <value_ints = [-1]> ()
    last = Constant <value_ints = [9]> ()
    before_last = Constant <value_ints = [8]> ()
    points_shape = Constant <value_ints = [0, 2, 4, 2]> ()
    points = Reshape (curves, points_shape)
    joints = Constant <value = {_bernstein(_PIECES)}> ()
    edges = MatMul (joints, points)
    upper_wide, lower_wide = Split <axis = 1, num_outputs = 2> (edges)
    upper = Squeeze (upper_wide, at_1)
    lower = Squeeze (lower_wide, at_1)
    both = Add (upper, lower)
    middle = Mul (both, half)
    across = Sub (lower, upper)
    middle_from = Slice (middle, at_0, before_last, at_1)
    middle_to = Slice (middle, at_1, last, at_1)
    step = Sub (middle_to, middle_from)
    across_from = Slice (across, at_0, before_last, at_1)
    across_to = Slice (across, at_1, last, at_1)
    across_both = Add (across_from, across_to)
    down = Mul (across_both, half)
    step_squared = Mul (step, step)
    step_sum = ReduceSum <keepdims = 0> (step_squared, at_2)
    step_length = Sqrt (step_sum)
    length = ReduceSum <keepdims = 1> (step_length, at_1)
    step_x, step_y = Split <axis = 2, num_outputs = 2> (step)
    down_x, down_y = Split <axis = 2, num_outputs = 2> (down)
    area_first = Mul (step_x, down_y)
    area_second = Mul (step_y, down_x)
    area_wide = Sub (area_first, area_second)
    area_flat = Squeeze (area_wide, at_2)
    area = ReduceSum <keepdims = 1> (area_flat, at_1)
    length_safe = Max (length, short)
    tall = Div (area, length_safe)
    tall_safe = Max (tall, thin)
    ratio = Div (length, tall_safe)
    base = Div (height_f, scale_f)
    wanted = Mul (ratio, base)
    wrong = IsNaN (wanted)
    known = Where (wrong, zero_f, wanted)
    at_least = Max (known, min_f)
    at_most = Min (at_least, max_f)
    whole = Ceil (at_most)
    widths = Mul (whole, scale_f)
    narrowest = Mul (min_f, scale_f)
    widths_flat = Reshape <allowzero = 1> (widths, minus_one)
    narrowest_flat = Reshape (narrowest, minus_one)
    all_widths = Concat <axis = 0> (widths_flat, narrowest_flat)
    widest_f = ReduceMax <keepdims = 0> (all_widths)
    widest = Cast <to = 7> (widest_f)
    columns_i = Range (zero, widest, one)
    columns = Cast <to = 1> (columns_i)
    columns_middle = Add (columns, half)
    t_all = Div (columns_middle, widths)
    t = Min (t_all, one_f)
    s = Sub (one_f, t)
    tt = Mul (t, t)
    ss = Mul (s, s)
    ttt = Mul (tt, t)
    sss = Mul (ss, s)
    sst = Mul (ss, t)
    stt = Mul (s, tt)
    sst_three = Mul (sst, three_f)
    stt_three = Mul (stt, three_f)
    b_0 = Unsqueeze (sss, at_2)
    b_1 = Unsqueeze (sst_three, at_2)
    b_2 = Unsqueeze (stt_three, at_2)
    b_3 = Unsqueeze (ttt, at_2)
    basis_flat = Concat <axis = 2> (b_0, b_1, b_2, b_3)
    basis = Unsqueeze (basis_flat, at_1)
    lines = MatMul (basis, points)
    upper_line, lower_line = Split <axis = 1, num_outputs = 2> (lines)
    way = Sub (lower_line, upper_line)
    rows_i = Range (zero, height_i, one)
    rows = Cast <to = 1> (rows_i)
    rows_middle = Add (rows, half)
    share_flat = Div (rows_middle, height_f)
    share_axes = Constant <value_ints = [1, 2]> ()
    share = Unsqueeze (share_flat, share_axes)
    way_down = Mul (way, share)
    places = Add (upper_line, way_down)
    grid = Div (places, stride_f)
    samples = {DOMAIN}.SampleRegions (features, grid, image_index)
    inside_flat = Less (columns, widths)
    inside_f = CastLike (inside_flat, samples)
    ends = Constant <value_ints = [1, 2]> ()
    inside = Unsqueeze (inside_f, ends)
    patches = Mul (samples, inside)
}}
"""

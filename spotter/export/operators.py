"""The custom operators of domain `spotter`, as model-local functions in standard operators.

`RoIRotate(features, boxes, image_index)` computes a grid and calls `SampleRegions(features, grid, image_index)`, which
is itself a function over GridSample. Where a native kernel is registered for one of them, ONNX Runtime runs it instead
of the body; everywhere else the body runs as it stands.

RoIRotate: features [B, C, H, W] at `stride`; boxes [N, 5] = (cx, cy, w, h, theta), picture pixels and radians;
image_index int64 [N] -> patches [N, C, height, W'], W' being the widest region's columns. A region fills
`scale` x clip(height / scale x w / h, min_width, max_width) columns, rounded up, and its patch is zero beyond them.

SampleRegions: features [B, C, H, W]; grid [N, h, w, 2] = (x, y) in cells, half-pixel -> samples [N, C, h, w], bilinear,
zero off the map, where a place is not a number, and for an image index off the batch.

Features and what is sampled are of one type, float or float16; boxes and grid are always float, and the bodies compute
in it. N may be 0: W' is then that of the narrowest region.
"""

import onnx
import onnx.parser

DOMAIN = "spotter"
VERSION = 1
OPSET = 20

# Maps lie end to end with a row of zeros after each, and one GridSample reads them all: nothing is copied per region.
_SAMPLE_REGIONS = f"""
<opset_import: ["" : {OPSET}], domain: "{DOMAIN}">
SampleRegions (features, grid, image_index) => (samples)
{{
    shape = Shape (features)
    one = Constant <value_ints = [1]> ()
    two = Constant <value_ints = [2]> ()
    three = Constant <value_ints = [3]> ()
    four = Constant <value_ints = [4]> ()
    zero = Constant <value_ints = [0]> ()
    batch = Slice (shape, zero, one)
    channels = Slice (shape, one, two)
    height = Slice (shape, two, three)
    width = Slice (shape, three, four)
    pads = Constant <value_ints = [0, 0, 0, 0, 0, 0, 1, 0]> ()
    exact = Cast <to = 1> (features)
    padded = Pad (exact, pads)
    row = Add (height, one)
    rows = Mul (batch, row)
    by_channel = Transpose <perm = [1, 0, 2, 3]> (padded)
    strip_shape = Concat <axis = 0> (one, channels, rows, width)
    strip = Reshape <allowzero = 1> (by_channel, strip_shape)
    height_f = Cast <to = 1> (height)
    width_f = Cast <to = 1> (width)
    row_f = Cast <to = 1> (row)
    rows_f = Cast <to = 1> (rows)
    half = Constant <value_float = 0.5> ()
    minus_one = Constant <value_float = -1.0> ()
    one_f = Constant <value_float = 1.0> ()
    two_f = Constant <value_float = 2.0> ()
    x_cell, y_cell = Split <axis = 3, num_outputs = 2> (grid)
    x_index = Sub (x_cell, half)
    y_index = Sub (y_cell, half)
    x_wrong = IsNaN (x_index)
    y_wrong = IsNaN (y_index)
    x_known = Where (x_wrong, minus_one, x_index)
    y_known = Where (y_wrong, minus_one, y_index)
    width_s = Squeeze (width_f)
    height_s = Squeeze (height_f)
    x_low = Max (x_known, minus_one)
    x_clipped = Min (x_low, width_s)
    y_low = Max (y_known, minus_one)
    y_clipped = Min (y_low, height_s)
    image = Cast <to = 1> (image_index)
    offset_flat = Mul (image, row_f)
    ends = Constant <value_ints = [1, 2, 3]> ()
    offset = Unsqueeze (offset_flat, ends)
    y_strip = Add (y_clipped, offset)
    x_double = Mul (x_clipped, two_f)
    x_odd = Add (x_double, one_f)
    x_share = Div (x_odd, width_f)
    x_normal = Sub (x_share, one_f)
    y_double = Mul (y_strip, two_f)
    y_odd = Add (y_double, one_f)
    y_share = Div (y_odd, rows_f)
    y_normal = Sub (y_share, one_f)
    normal = Concat <axis = 3> (x_normal, y_normal)
    grid_shape = Shape (grid)
    regions = Slice (grid_shape, zero, one)
    bins_down = Slice (grid_shape, one, two)
    bins_along = Slice (grid_shape, two, three)
    all_rows = Mul (regions, bins_down)
    flat_shape = Concat <axis = 0> (one, all_rows, bins_along, two)
    flat = Reshape <allowzero = 1> (normal, flat_shape)
    sampled = GridSample <mode = "linear", padding_mode = "zeros", align_corners = 0> (strip, flat)
    apart_shape = Concat <axis = 0> (channels, regions, bins_down, bins_along)
    apart = Reshape <allowzero = 1> (sampled, apart_shape)
    by_region = Transpose <perm = [1, 0, 2, 3]> (apart)
    samples = CastLike (by_region, features)
}}
"""

_ROI_ROTATE = f"""
<opset_import: ["" : {OPSET}, "{DOMAIN}" : {VERSION}], domain: "{DOMAIN}">
RoIRotate <height, min_width, max_width, scale, stride> (features, boxes, image_index) => (patches)
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
    zero_f = Constant <value_float = 0.0> ()
    thin = Constant <value_float = 0.001> ()
    zero = Constant <value_int = 0> ()
    one = Constant <value_int = 1> ()
    cx, cy, w, h, theta = Split <axis = 1, num_outputs = 5> (boxes)
    h_safe = Max (h, thin)
    ratio = Div (w, h_safe)
    base = Div (height_f, scale_f)
    wanted = Mul (ratio, base)
    wrong = IsNaN (wanted)
    known = Where (wrong, zero_f, wanted)
    at_least = Max (known, min_f)
    at_most = Min (at_least, max_f)
    whole = Ceil (at_most)
    widths = Mul (whole, scale_f)
    narrowest = Mul (min_f, scale_f)
    minus_one = Constant <value_ints = [-1]> ()
    widths_flat = Reshape <allowzero = 1> (widths, minus_one)
    narrowest_flat = Reshape (narrowest, minus_one)
    all_widths = Concat <axis = 0> (widths_flat, narrowest_flat)
    widest_f = ReduceMax <keepdims = 0> (all_widths)
    widest = Cast <to = 7> (widest_f)
    columns_i = Range (zero, widest, one)
    columns = Cast <to = 1> (columns_i)
    columns_middle = Add (columns, half)
    u_share = Div (columns_middle, widths)
    u = Sub (u_share, half)
    rows_i = Range (zero, height_i, one)
    rows = Cast <to = 1> (rows_i)
    rows_middle = Add (rows, half)
    v_share = Div (rows_middle, height_f)
    v = Sub (v_share, half)
    along_flat = Mul (u, w)
    down_flat = Mul (v, h)
    axis_one = Constant <value_ints = [1]> ()
    axis_two = Constant <value_ints = [2]> ()
    axis_three = Constant <value_ints = [3]> ()
    along = Unsqueeze (along_flat, axis_one)
    down = Unsqueeze (down_flat, axis_two)
    cos_flat = Cos (theta)
    sin_flat = Sin (theta)
    cos = Unsqueeze (cos_flat, axis_two)
    sin = Unsqueeze (sin_flat, axis_two)
    cx_wide = Unsqueeze (cx, axis_two)
    cy_wide = Unsqueeze (cy, axis_two)
    along_cos = Mul (along, cos)
    along_sin = Mul (along, sin)
    down_cos = Mul (down, cos)
    down_sin = Mul (down, sin)
    x_offset = Sub (along_cos, down_sin)
    y_offset = Add (along_sin, down_cos)
    x_pixel = Add (cx_wide, x_offset)
    y_pixel = Add (cy_wide, y_offset)
    x = Div (x_pixel, stride_f)
    y = Div (y_pixel, stride_f)
    x_last = Unsqueeze (x, axis_three)
    y_last = Unsqueeze (y, axis_three)
    grid = Concat <axis = 3> (x_last, y_last)
    samples = {DOMAIN}.SampleRegions (features, grid, image_index)
    inside_flat = Less (columns, widths)
    inside_f = CastLike (inside_flat, samples)
    ends = Constant <value_ints = [1, 2]> ()
    inside = Unsqueeze (inside_f, ends)
    patches = Mul (samples, inside)
}}
"""


def functions() -> list[onnx.FunctionProto]:
    """The operators' bodies, to be added to a model's functions."""
    return [onnx.parser.parse_function(text) for text in (_SAMPLE_REGIONS, _ROI_ROTATE)]

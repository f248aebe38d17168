"""The custom operators of domain `spotter`, as model-local functions in standard operators.

`RoIRotate(features, boxes, image_index)` computes a grid and calls `SampleRegions(features, grid, image_index)`, which
is itself a function over GridSample; `BezierAlign` (`spotter.ops.bezier`) does the same. Where a native kernel is
registered for one of them, ONNX Runtime runs it instead of the body; everywhere else the body runs as it stands.

The version of the domain is 2; in version 1 boxes have no slant, and the kernels still run such graphs.

RoIRotate: features [B, C, H, W] at `stride`; boxes [N, 6] as in `spotter.families.fots.boxes`, picture pixels and
radians; image_index int64 [N] -> patches [N, C, height, W'], W' being the widest region's columns. A region fills
`scale` x clip(height / scale x w / h, min_width, max_width) columns, rounded up, and its patch is zero beyond them.

SampleRegions: features [B, C, H, W]; grid [N, h, w, 2] = (x, y) in elements of the map, half-pixel -> samples [N, C, h,
w], bilinear, zero off the map, where a place is not a number, and for an image index off the batch.

CtcBeamSearch: log_probabilities [N, W, C]; widths int64 [N]; a language model's costs uint8 [S, A] and following
uint16 [S, A] (see `spotter.model.language`); symbols int64 [C], below A; weights [2] = (nats of one unit of cost, nats
for each character) -> classes int32 [N, W] and margins [N], as `spotter.model.language.LanguageModel` has them.

QLinearConv3x3: maps x uint8 [B, H, W, C], weights w int8 [M, C, 3, 3] and b int32 [M], each with its scale and zero
point, and those of y -> y uint8 [B, H, W, M]: ONNX's QLinearConv, 3x3, of stride 1 and keeping the size, of maps with
channels last. All but x are constants, the zero points of w and b are 0.

QLinearBlock: a row of words x [B, H, W, C], channels last; mask [W]; factors [W, C], or [1, 1] holding 1; a depthwise
convolution w [C, 1, 3, 3] and b [C]; matrices up int8 [C, K] and down int8 [K, C], each with a scale and a bias for
every column; and the rounding to 8 bits before up (d), before GELU (m) and after it (g): scale and zero point of
uint8 -> y [B, H, W, C]. d is the convolution of x, padded with zeros, times the factors; y is
mask * (d + down(gelu(up(d)))). All but x, mask and factors are constants; the attribute `channels` is C.

QLinearHalvingBlock: the same with down [K, M], a convolution of stride (2, 1), and y = mask * down(gelu(up(d)))
[B, ceil(H / 2), W, M].

BranchStem: pixels x [B, 4, H, W], H and W multiples of 4; masks `halves` [W / 2] and `mask` [W / 4]; weights and biases
of five convolutions -> y [B, H / 4, W / 4, M], channels last, as `spotter.model.ppocr.BranchStem` has it, times the
mask. All but x and the masks are constants.

DepthwiseColumns: x, w and b as there -> means [W, C], over B and H, of the convolution of x.

Features and what is sampled are of one type, float or float16; boxes and grid are always float, and the bodies compute
in it. N may be 0: W' is then that of the narrowest region.
"""

import onnx
import onnx.parser

from spotter import OPERATORS_VERSION
from spotter.ops.bezier import BEZIER_ALIGN
from spotter.ops.interface import BLOCK, COLUMNS, CONVOLUTION, DOMAIN, HALVING_BLOCK, OPSET, STEM

FURTHEST = 20.0
"""Of CtcBeamSearch: the largest margin."""
LEAST = -1e9
"""Of CtcBeamSearch: the score of an impossible path."""
MULTIPLIER, MODULUS, SHIFT = 257, 2147483629, 256
"""Of CtcBeamSearch: constants of a text's hash, as `spotter.model.language` explains it and search.cpp computes it."""

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
    stacked_shape = Concat <axis = 0> (one, channels, rows, width)
    stacked = Reshape <allowzero = 1> (by_channel, stacked_shape)
    height_f = Cast <to = 1> (height)
    width_f = Cast <to = 1> (width)
    row_f = Cast <to = 1> (row)
    rows_f = Cast <to = 1> (rows)
    half = Constant <value_float = 0.5> ()
    minus_one = Constant <value_float = -1.0> ()
    one_f = Constant <value_float = 1.0> ()
    two_f = Constant <value_float = 2.0> ()
    x_place, y_place = Split <axis = 3, num_outputs = 2> (grid)
    x_index = Sub (x_place, half)
    y_index = Sub (y_place, half)
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
    y_stacked = Add (y_clipped, offset)
    x_double = Mul (x_clipped, two_f)
    x_odd = Add (x_double, one_f)
    x_share = Div (x_odd, width_f)
    x_normal = Sub (x_share, one_f)
    y_double = Mul (y_stacked, two_f)
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
    sampled = GridSample <mode = "linear", padding_mode = "zeros", align_corners = 0> (stacked, flat)
    apart_shape = Concat <axis = 0> (channels, regions, bins_down, bins_along)
    apart = Reshape <allowzero = 1> (sampled, apart_shape)
    by_region = Transpose <perm = [1, 0, 2, 3]> (apart)
    samples = CastLike (by_region, features)
}}
"""

_ROI_ROTATE = f"""
<opset_import: ["" : {OPSET}, "{DOMAIN}" : {OPERATORS_VERSION}], domain: "{DOMAIN}">
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
    cx, cy, w, h, theta, slant = Split <axis = 1, num_outputs = 6> (boxes)
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
    upright = Unsqueeze (along_flat, axis_one)
    down = Unsqueeze (down_flat, axis_two)
    slant_wide = Unsqueeze (slant, axis_two)
    sheared = Mul (slant_wide, down)
    along = Add (upright, sheared)
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

# A Scan reads the columns one after another; its state is the beams of all words.
_CTC_BEAM_SEARCH = f"""
<opset_import: ["" : {OPSET}], domain: "{DOMAIN}">
CtcBeamSearch <beams> (log_probabilities, widths, costs, following, symbols, weights) => (classes, margins)
{{
    beams_i = Constant <value_int : int = @beams> ()
    zero = Constant <value_int = 0> ()
    one = Constant <value_int = 1> ()
    two = Constant <value_int = 2> ()
    least = Constant <value_float = {LEAST}> ()
    furthest = Constant <value_float = {FURTHEST}> ()
    zero_f = Constant <value_float = 0.0> ()
    at_0 = Constant <value_ints = [0]> ()
    at_1 = Constant <value_ints = [1]> ()
    at_2 = Constant <value_ints = [2]> ()
    at_3 = Constant <value_ints = [3]> ()
    minus_one = Constant <value_ints = [-1]> ()
    unit = Gather <axis = 0> (weights, zero)
    bonus = Gather <axis = 0> (weights, one)
    shape = Shape (log_probabilities)
    regions = Slice (shape, at_0, at_1)
    columns = Slice (shape, at_1, at_2)
    kinds = Slice (shape, at_2, at_3)
    beams_1 = Reshape (beams_i, at_1)
    wider = Mul (beams_1, at_2)
    ways_1 = Mul (beams_1, kinds)
    ways_shape = Concat <axis = 0> (regions, ways_1)
    state_shape = Concat <axis = 0> (regions, beams_1)
    text_shape = Concat <axis = 0> (regions, beams_1, columns)
    count = Squeeze (kinds)
    every = Range (zero, count, one)
    blank = Equal (every, zero)
    symbols_size = Shape <start = 1> (costs)
    end_place = Sub (symbols_size, at_1)
    costs_of = Gather <axis = 1> (costs, symbols)
    follow = Reshape (following, minus_one)
    places_k = Range (zero, beams_i, one)
    first_k = Equal (places_k, zero)
    start_k = Where (first_k, zero_f, least)
    start_score = Expand (start_k, state_shape)
    start_state = Expand (zero, state_shape)
    start_text = Expand (zero, text_shape)
    nothing = Where (blank, zero_f, least)
    two_beams = Mul (beams_i, two)
    places = Range (zero, two_beams, one)
    places_down = Unsqueeze (places, at_1)
    earlier = Less (places_down, places)
    columns_s = Squeeze (columns)
    every_column = Range (zero, columns_s, one)
    by_column = Transpose <perm = [1, 0, 2]> (log_probabilities)
    score_n, state_n, last_n, number_n, text_n = Scan <num_scan_inputs = 2, body = column (
        float[n, k] score, int64[n, k] state, int64[n, k] last, int64[n, k] number, int64[n, k, w] text,
        float[n, c] column_log_probabilities, int64 here
    ) => (
        float[n, k] score_out, int64[n, k] state_out, int64[n, k] last_out, int64[n, k] number_out,
        int64[n, k, w] text_out
    )
    {{
        within_flat = Less (here, widths)
        within = Unsqueeze (within_flat, at_1)
        masked = Where (within, column_log_probabilities, nothing)
        costs_here = Gather <axis = 0> (costs_of, state)
        costs_f = Cast <to = 1> (costs_here)
        charge = Mul (costs_f, unit)
        gain = Sub (bonus, charge)
        last_wide = Unsqueeze (last, at_2)
        repeats = Equal (every, last_wide)
        stays = Or (blank, repeats)
        gained = Where (stays, zero_f, gain)
        score_wide = Unsqueeze (score, at_2)
        masked_wide = Unsqueeze (masked, at_1)
        read = Add (score_wide, masked_wide)
        ways = Add (read, gained)
        flat = Reshape <allowzero = 1> (ways, ways_shape)
        likely, index = TopK <axis = 1> (flat, wider)
        parent = Div (index, count)
        before = Mul (parent, count)
        kind = Sub (index, before)
        state_was = GatherElements <axis = 1> (state, parent)
        last_was = GatherElements <axis = 1> (last, parent)
        number_was = GatherElements <axis = 1> (number, parent)
        is_blank = Equal (kind, zero)
        is_same = Equal (kind, last_was)
        keeps = Or (is_blank, is_same)
        symbol = Gather <axis = 0> (symbols, kind)
        row = Mul (state_was, symbols_size)
        place = Add (row, symbol)
        after_small = Gather <axis = 0> (follow, place)
        after = Cast <to = 7> (after_small)
        state_then = Where (keeps, state_was, after)
        multiplier = Constant <value_int = {MULTIPLIER}> ()
        modulus = Constant <value_int = {MODULUS}> ()
        shift = Constant <value_int = {SHIFT}> ()
        times = Mul (number_was, multiplier)
        plus = Add (times, symbol)
        plus_one = Add (plus, one)
        number_new = Mod (plus_one, modulus)
        number_then = Where (keeps, number_was, number_new)
        spelt = Where (keeps, zero, kind)
        shifted = Mul (number_then, shift)
        key = Add (shifted, symbol)
        key_down = Unsqueeze (key, at_2)
        key_across = Unsqueeze (key, at_1)
        alike = Equal (key_down, key_across)
        doubles = And (alike, earlier)
        doubles_f = Cast <to = 1> (doubles)
        doubled = ReduceMax <keepdims = 0> (doubles_f, at_1)
        again = Greater (doubled, zero_f)
        single = Where (again, least, likely)
        score_out, order = TopK <axis = 1> (single, beams_1)
        state_out = GatherElements <axis = 1> (state_then, order)
        last_out = GatherElements <axis = 1> (kind, order)
        number_out = GatherElements <axis = 1> (number_then, order)
        parent_kept = GatherElements <axis = 1> (parent, order)
        spelt_kept = GatherElements <axis = 1> (spelt, order)
        parent_wide = Unsqueeze (parent_kept, at_2)
        parents = Expand (parent_wide, text_shape)
        text_was = GatherElements <axis = 1> (text, parents)
        spelt_wide = Unsqueeze (spelt_kept, at_2)
        is_here = Equal (every_column, here)
        text_out = Where (is_here, spelt_wide, text_was)
    }}> (start_score, start_state, start_state, start_state, start_text, by_column, every_column)
    end_costs = Gather <axis = 1> (costs, end_place)
    end_flat = Squeeze (end_costs, at_1)
    end_here = Gather <axis = 0> (end_flat, state_n)
    end_f = Cast <to = 1> (end_here)
    end_charge = Mul (end_f, unit)
    says = Greater (number_n, zero)
    ending = Where (says, end_charge, zero_f)
    final = Sub (score_n, ending)
    best_score, best = TopK <axis = 1> (final, at_1)
    best_wide = Unsqueeze (best, at_2)
    one_text = Concat <axis = 0> (regions, at_1, columns)
    best_all = Expand (best_wide, one_text)
    best_text = GatherElements <axis = 1> (text_n, best_all)
    best_flat = Squeeze (best_text, at_1)
    classes = Cast <to = 6> (best_flat)
    best_number = GatherElements <axis = 1> (number_n, best)
    is_best = Equal (number_n, best_number)
    others = Where (is_best, least, final)
    next_best = ReduceMax <keepdims = 0> (others, at_1)
    best_score_flat = Squeeze (best_score, at_1)
    ahead = Sub (best_score_flat, next_best)
    margins = Min (ahead, furthest)
}}
"""

# The nodes that ONNX Runtime fuses into its own 8-bit convolution.
_CONVOLUTION = f"""
<opset_import: ["" : {OPSET}], domain: "{DOMAIN}">
{CONVOLUTION} (
    x, x_scale, x_zero_point, w, w_scale, w_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point
) => (y)
{{
    x_first = Transpose <perm = [0, 3, 1, 2]> (x)
    x_f = DequantizeLinear (x_first, x_scale, x_zero_point)
    w_f = DequantizeLinear <axis = 0> (w, w_scale, w_zero_point)
    b_f = DequantizeLinear <axis = 0> (b, b_scale, b_zero_point)
    convolved = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x_f, w_f, b_f)
    y_first = QuantizeLinear (convolved, y_scale, y_zero_point)
    y = Transpose <perm = [0, 2, 3, 1]> (y_first)
}}
"""


def _block(name: str, rows: int, last: str) -> str:
    """rows: the stride along rows. last: the expression after the matrices: `bent` is their output, `d` their input."""
    return f"""
<opset_import: ["" : {OPSET}], domain: "{DOMAIN}">
{name} <channels> (
    x, mask, factors, w, b, d_scale, d_zero_point, up, up_scale, up_bias, m_scale, m_zero_point, g_scale, g_zero_point,
    down, down_scale, down_bias
) => (y)
{{
    x_first = Transpose <perm = [0, 3, 1, 2]> (x)
    seen_first = Conv <
        group : int = @channels, kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [{rows}, 1]
    > (x_first, w, b)
    seen = Transpose <perm = [0, 2, 3, 1]> (seen_first)
    d = Mul (seen, factors)
    d_q = QuantizeLinear (d, d_scale, d_zero_point)
    d_f = DequantizeLinear (d_q, d_scale, d_zero_point)
    up_f = DequantizeLinear <axis = 1> (up, up_scale)
    m_sum = MatMul (d_f, up_f)
    m = Add (m_sum, up_bias)
    m_q = QuantizeLinear (m, m_scale, m_zero_point)
    m_f = DequantizeLinear (m_q, m_scale, m_zero_point)
    g = Gelu (m_f)
    g_q = QuantizeLinear (g, g_scale, g_zero_point)
    g_f = DequantizeLinear (g_q, g_scale, g_zero_point)
    down_f = DequantizeLinear <axis = 1> (down, down_scale)
    bent_sum = MatMul (g_f, down_f)
    bent = Add (bent_sum, down_bias)
    whole = {last}
    at_1 = Constant <value_ints = [1]> ()
    mask_of = Unsqueeze (mask, at_1)
    y = Mul (whole, mask_of)
}}
"""


_COLUMNS = f"""
<opset_import: ["" : {OPSET}], domain: "{DOMAIN}">
{COLUMNS} <channels> (x, w, b) => (y)
{{
    x_first = Transpose <perm = [0, 3, 1, 2]> (x)
    seen = Conv <group : int = @channels, kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x_first, w, b)
    axes = Constant <value_ints = [0, 2]> ()
    means = ReduceMean <keepdims = 0> (seen, axes)
    y = Transpose <perm = [1, 0]> (means)
}}
"""


_STEM = f"""
<opset_import: ["" : {OPSET}], domain: "{DOMAIN}">
{STEM} (x, halves, mask, w1, b1, w2, b2, w3, b3, w4, b4, w5, b5) => (y)
{{
    pads = Constant <value_ints = [0, 0, 0, 0, 0, 0, 1, 1]> ()
    c1 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1, b1)
    r1 = Relu (c1)
    first = Mul (r1, halves)
    padded = Pad (first, pads)
    pooled = MaxPool <kernel_shape = [2, 2], strides = [1, 1]> (padded)
    c2 = Conv <kernel_shape = [2, 2], pads = [0, 0, 1, 1]> (first, w2, b2)
    r2 = Relu (c2)
    narrow = Mul (r2, halves)
    c3 = Conv <kernel_shape = [2, 2], pads = [0, 0, 1, 1]> (narrow, w3, b3)
    r3 = Relu (c3)
    both = Concat <axis = 1> (pooled, r3)
    joined = Mul (both, halves)
    c4 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (joined, w4, b4)
    r4 = Relu (c4)
    c5 = Conv <kernel_shape = [1, 1]> (r4, w5, b5)
    r5 = Relu (c5)
    y_first = Mul (r5, mask)
    y = Transpose <perm = [0, 2, 3, 1]> (y_first)
}}
"""


def functions() -> list[onnx.FunctionProto]:
    """The operators' bodies, to be added to a model's functions."""
    texts = (
        *(_SAMPLE_REGIONS, _ROI_ROTATE, BEZIER_ALIGN, _CTC_BEAM_SEARCH, _CONVOLUTION, _COLUMNS, _STEM),
        _block(BLOCK, 1, "Add (d, bent)"),
        _block(HALVING_BLOCK, 2, "Identity (bent)"),
    )
    return [onnx.parser.parse_function(text) for text in texts]

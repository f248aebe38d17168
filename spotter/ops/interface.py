"""The graph's interface: the names of its inputs, its outputs and its custom operators."""

INPUTS = ("images", "sizes")
OUTPUTS = ("image_index", "polygons", "scores", "characters", "character_scores")
ORIENTATION = "orientation"
"""An optional output after the others: float32 [B, 4], the probabilities that a picture is upright or turned clockwise
by 90, 180 or 270 degrees."""

DOMAIN = "spotter"
"""The domain of the custom operators; its version is `spotter.OPERATORS_VERSION`."""
OPSET = 20
"""The version of the standard operators."""
SAMPLING = ("RoIRotate", "BezierAlign", "SampleRegions")
"""The operators that sample patches from maps; patches and maps have the same element type."""
CONVOLUTION = "QLinearConv3x3"
BLOCK, HALVING_BLOCK, COLUMNS = "QLinearBlock", "QLinearHalvingBlock", "DepthwiseColumns"
"""The operators of a recogniser's blocks."""
STEM = "BranchStem"
"""The operator of the stem before them."""
ATTENTION_STEP, FORWARD_STEP = "AttentionStep", "CtcForwardStep"
"""The operators of an attention decoder: a character of a text, and a column of the forward algorithm."""

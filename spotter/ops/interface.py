"""What a graph and whoever writes or runs it agree on: the names of its inputs, its outputs and its own operators."""

INPUTS = ("images", "sizes")
OUTPUTS = ("image_index", "polygons", "scores", "characters", "character_scores")
ORIENTATION = "orientation"
"""An output that a graph may have behind the others: float32 [B, 4], how probable it is that a picture is upright, or
turned clockwise by 90, 180 or 270 degrees."""

DOMAIN = "spotter"
"""Of our own operators; its version is `spotter.OPERATORS_VERSION`."""
OPSET = 20
"""Version of the standard operators."""
SAMPLING = ("RoIRotate", "SampleRegions")
"""Those that read maps and make patches of the same type."""
CONVOLUTION = "QLinearConv3x3"
BLOCK, HALVING_BLOCK, COLUMNS = "QLinearBlock", "QLinearHalvingBlock", "DepthwiseColumns"
"""Of a recogniser's blocks."""
STEM = "BranchStem"
"""Of what comes before them."""

"""What `spotter evaluate --json` writes."""

from typing import Any


def figures(precision: float, recall: float, f: float) -> dict[str, float | int]:
    return {"precision": precision, "recall": recall, "f": f, "correct": 3, "truths": 5, "predictions": 4}


def metrics() -> dict[str, Any]:
    """As `spotter evaluate --json` writes them, of two readers on two data sets."""
    street = {
        "bag_of_words_only": False,
        "pictures": 142,
        "median_ms": 96.3,
        "threshold": 0.35,
        "lexicon": None,
        "detection": figures(0.9, 0.5, 0.64),
        "end_to_end": figures(0.7, 0.2, 0.31),
        "bag_of_words": figures(0.75, 0.4, 0.52),
    }
    receipts = street | {"bag_of_words_only": True, "pictures": 53, "lexicon": "/home/anna/words.txt"}
    return {
        "results": [
            {"reader": "/home/anna/bundle", "dataset": "/home/anna/data/icdar2015/val", **street},
            {"reader": "rapidocr small", "dataset": "/home/anna/data/icdar2015/val", **street},
            {"reader": "/home/anna/bundle", "dataset": "/home/anna/data/sroie", **receipts},
        ]
    }

"""The corpus of a language model: words of the training parts' pictures and of synthetic ones."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spotter.training.data.annotations import read_folder
from spotter.training.data.crops import read_labels
from spotter.training.recipe import Recipe, RecipeError, excluded_crops, source_folder
from spotter.training.synthesis.vocabulary import vocabulary
from spotter.training.synthesis.words import WordGenerator


@dataclass(frozen=True)
class CorpusConfig:
    """The weights of words in the corpus.

    draws: number of words drawn from the generator of the synthetic pictures, every fourth of them as on pages; draw:
    weight of each. listed: weight of each word of the vocabulary.
    transcript, power: a word that occurs n times in transcripts has the weight transcript * n ** power.
    """

    draws: int = 300_000
    draw: float = 0.03
    listed: float = 0.5
    transcript: float = 20.0
    power: float = 0.8


def transcripts(recipe: Recipe, data: Path) -> Counter[str]:
    """How often each word, in lower case, occurs in the transcripts of the recipe's labelled pictures and word crops
    below `data`.

    As in training, ignored regions and crops that may come from a validation picture are left out.
    Raises RecipeError when a source lacks a field or is also a validation set; ValueError or OSError when its folder
    cannot be read.
    """
    held_out = {item.folder for item in recipe.validation}
    seen: Counter[str] = Counter()
    for source in recipe.sources:
        try:
            if source["kind"] == "labelled":
                if Path(source["path"]) in held_out:
                    raise RecipeError(f"source {source['path']!r} is a validation set too")
                texts = _labelled(source, data)
            elif source["kind"] == "crops":
                texts = _crops(source, data)
            else:
                continue
            seen.update(word for text in texts for word in text.lower().split())
        except KeyError as error:
            raise RecipeError(f"source {dict(source)} misses {error}") from error
    return seen


def _labelled(source: Mapping[str, Any], data: Path) -> Iterator[str]:
    for picture in read_folder(source_folder(data, source["path"]))[: source.get("limit")]:
        yield from (region.text for region in picture.annotations if not region.ignore)


def _crops(source: Mapping[str, Any], data: Path) -> Iterator[str]:
    exclude = excluded_crops(source.get("exclude", ()), data)
    for folder in (source_folder(data, name) for name in source["path"]):
        left_out = exclude.get(folder.name, ())
        yield from (text for name, text in read_labels(folder) if name not in left_out)


def corpus(seen: Mapping[str, int], config: CorpusConfig | None = None, seed: int = 0) -> dict[str, float]:
    """Weighted counts of words in lower case: generated words, the vocabulary, and the words of transcripts. seen: how
    often each word occurs in transcripts."""
    config = config or CorpusConfig()
    counts: Counter[str] = Counter()
    generator, rng = WordGenerator(), np.random.default_rng(seed)
    counts.update(generator.word(rng, page=n % 4 == 0).lower() for n in range(config.draws))
    weighted = {word: config.draw * n for word, n in counts.items()}
    for word in vocabulary():
        weighted[word.lower()] = weighted.get(word.lower(), 0.0) + config.listed
    for word, n in seen.items():
        weighted[word] = weighted.get(word, 0.0) + config.transcript * n**config.power
    return weighted

"""The whole network: pyramid -> backbone -> neck -> detection head -> regions -> sampled patches -> recogniser."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.anchors import STRIDE, AnchorPoints, mosaic_anchors, plain_anchors
from spotter.model.charset import Charset
from spotter.model.config import LEAST_LENGTH, ScoreConfig
from spotter.model.correction import Correction
from spotter.model.ctc import GreedyPath, greedy_path
from spotter.model.either_end import more_probable, not_level
from spotter.model.family import Columns, Head, Maps, Patches, Regions, RegionSampler
from spotter.model.language import LanguageModel
from spotter.model.neck import RefinedNeck
from spotter.model.orientation import Orientation, sure_points
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.pyramid import join, lower_canvas
from spotter.model.recogniser import Recogniser
from spotter.model.roles import Roles, joined
from spotter.model.splitting import shapes_of, split_at_spaces, with_underscores

_MEAN, _DEVIATION = 128.0, 64.0  # whole numbers: 8-bit pixels are normalised without rounding
BLACK = -_MEAN / _DEVIATION
_LEAST = 1e-6


@dataclass(frozen=True)
class Features:
    """fine: the stem's map at stride 2. shared: the neck's map at stride 4. anchors: of the shared map; where they are
    a mosaic's, both maps are mosaics. pictures: the normalised pictures and the levels of their pyramids [B, 3, H',
    W]."""

    fine: Tensor
    shared: Tensor
    anchors: AnchorPoints
    pictures: Tensor


@dataclass(frozen=True)
class Words:
    """Words, in the form of the exported graph's outputs.

    image_index int32 [N], polygons float32 [N, P, 2] in pixels of the padded picture, scores float32 [N],
    characters int32 [N, T] (0 = blank), character_scores float32 [N, T].
    """

    image_index: Tensor
    polygons: Tensor
    scores: Tensor
    characters: Tensor
    character_scores: Tensor


@dataclass(frozen=True)
class Examined:
    """Words, and the numbers behind their scores, float32 [N] each but the last. detection: the detector's probability.
    confidence: the recogniser's probability of the least certain character. margins: from the text to the next best
    one, in nats. text: the text's log probability, in nats. lengths: int64 [N], the text's number of characters."""

    words: Words
    detection: Tensor
    confidence: Tensor
    margins: Tensor
    text: Tensor
    lengths: Tensor


class Spotter(nn.Module):
    """A text spotter from its parts; the head and the sampler are those of a family (see `spotter.model.family`)."""

    def __init__(
        self,
        backbone: nn.Module,
        neck: nn.Module,
        head: Head,
        sampler: RegionSampler,
        recogniser: Recogniser | PictureRecogniser,
        score: ScoreConfig,
        language: LanguageModel | None = None,
        charset: Charset | None = None,
        orientation: Orientation | None = None,
        masked: bool = False,
    ) -> None:
        """orientation: classifies a picture's orientation, where the graph is to give it. masked: whether backbone and
        neck look at whole maps, so that they are given a mask of the padding."""
        super().__init__()
        self.masked = masked
        self.backbone = backbone
        self.neck = neck
        self.head = head
        self.sampler = sampler
        self.recogniser = recogniser
        self.score = score
        self.charset = charset or Charset()
        self.correction = Correction(self.charset)
        self.language: nn.Module | None = language
        self.orientation = orientation

    @property
    def map_recogniser(self) -> Recogniser:
        """The recogniser, where it reads the shared maps. Raises ValueError where it reads the picture."""
        if isinstance(self.recogniser, Recogniser):
            return self.recogniser
        raise ValueError("the recogniser reads the picture, not the shared maps")

    @property
    def _space(self) -> int:
        """The class at which regions are cut into words."""
        return self.charset.classes if self.charset.space is None else self.charset.space

    @property
    def roles(self) -> Roles:
        """Which weights are treated differently from the others."""
        parts = {"backbone": self.backbone, "neck": self.neck, "head": self.head, "recogniser": self.recogniser}
        return joined({name: getattr(part, "roles", Roles()) for name, part in parts.items()})

    def _maps(self, pictures: Tensor, inside: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """inside: [B, 1, H, W], 1 on the picture and 0 in padding; for networks that are `masked`."""
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        if inside is None:
            fine, *maps = self.backbone(pictures)
            return fine, self.neck(maps)
        fine, *maps = self.backbone(pictures, inside)
        if not isinstance(self.neck, RefinedNeck):
            return fine, self.neck(maps)
        return fine, self.neck(maps, F.avg_pool2d(inside, STRIDE))

    def features(self, images: Tensor) -> Features:
        """Features of the pictures as they are, for training: its crops show text of ordinary size.

        images: uint8 [B, H, W, 3] RGB, H and W multiples of the backbone's stride.
        """
        pictures = normalised(images)
        fine, shared = self._maps(pictures)
        rows, columns = shared.shape[-2:]
        return Features(fine, shared, plain_anchors(rows, columns, shared.device), pictures)

    def pyramid(self, images: Tensor, sizes: Tensor | None = None) -> Features:
        """Features of the pictures' pyramids (see `spotter.model.pyramid`), for text of every size; images as in
        `features`. sizes: int [B, 2] = (height, width) of the real parts; without them there is no padding."""
        pictures = normalised(images)
        lower = lower_canvas(pictures, BLACK)
        inside = real_part(pictures, sizes) if self.masked else None
        fine, shared = self._maps(pictures, inside)
        lower_fine, lower_shared = self._maps(lower, None if inside is None else lower_canvas(inside, 0.0))
        return Features(
            join(fine, lower_fine, STRIDE // 2),
            join(shared, lower_shared, STRIDE),
            mosaic_anchors(images.shape[1], images.shape[2], images.device),
            join(pictures, lower, 1),
        )

    def detect(self, features: Features) -> Maps:
        """The head's dense maps."""
        maps: Maps = self.head(features.shared, features.anchors)
        return maps

    def regions(self, features: Features, maps: Maps, sizes: Tensor) -> Regions:
        """The regions to read, see `Head.regions`."""
        pictures = features.pictures if isinstance(self.recogniser, PictureRecogniser) else None
        return self.head.regions(maps, sizes, pictures)

    def sample(self, features: Features, shapes: Tensor, image_index: Tensor) -> Patches:
        """Patches of regions: shapes [N, G] as the head's regions have them, N at least 1."""
        fine, shared = features.fine.float(), features.shared.float()
        patches: Patches = self.sampler(fine, shared, features.anchors, shapes, image_index)
        return patches

    def examine(self, images: Tensor, sizes: Tensor) -> Examined:
        """The words that `forward` finds, and the numbers that their scores are computed from."""
        features = self.pyramid(images, sizes)
        return self.read(features, self.regions(features, self.detect(features), sizes))

    def points(self, features: Features, maps: Maps, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """The input of `Orientation` (see `sure_points`); sizes int [B, 2] = (height, width) of the pictures."""
        anchors = maps.anchors
        real = anchors.inside & (anchors.y < sizes[:, 0, None, None]) & (anchors.x < sizes[:, 1, None, None])
        return sure_points(features.shared, maps.score, real)

    def read(self, features: Features, regions: Regions) -> Examined:
        """Reads regions, from both ends where they are not level, and cuts them into words where the recogniser reads
        spaces."""
        # An additional row, removed again below, keeps every tensor non-empty: some releases of ONNX Runtime compute
        # wrong shapes for empty tensors (1.31's ArgMax).
        shapes = F.pad(regions.shapes, (0, 0, 0, 1), value=1.0)
        image_index = F.pad(regions.image_index, (0, 1))
        geometry, gaps, parts = self.sampler.geometry, regions.gaps, regions.parts
        if self.head.reads:
            columns = self.head.read(features.shared, features.anchors, shapes, image_index)
            own = greedy_path(columns.logits, columns.widths)
        else:
            turned = not_level(geometry.polygons(shapes)[:-1], regions.image_index, features.shared.shape[0])
            shapes = torch.cat((shapes, geometry.reversed(shapes[turned])))
            columns = self.columns(features, shapes, torch.cat((image_index, image_index[turned])))
            own = greedy_path(columns.logits, columns.widths)
            taken = more_probable(own, turned)
            shapes, columns, own = shapes[taken], columns.of(taken), own.of(taken)
            from_other_end = taken >= image_index.shape[0]
            gaps = gaps and gaps.turned(from_other_end)
            parts = parts and parts.turned(from_other_end, geometry)
        if self.language is None:
            rules = self.correction
            if gaps is not None and min(rules.space, rules.underscore) >= 0:
                own = with_underscores(own, columns, gaps, rules.space, rules.underscore)
            own = rules(own, columns.logits)
        characters, character_scores, margins = self.transcribe(columns, own)
        pieces = split_at_spaces(characters[:-1], self._space, columns.widths, columns.stretch, gaps)
        region = pieces.region
        detection = regions.scores[region]
        confidence, text = own.of_columns(region, pieces.columns)
        said = pieces.columns.to(characters.dtype)
        texts = characters[region] * said * (characters[region] != self._space).to(said.dtype)
        lengths = (texts != 0).sum(1)
        words = Words(
            regions.image_index[region].to(torch.int32),
            geometry.polygons(shapes_of(pieces, shapes, geometry, parts)),
            word_scores(detection, confidence, margins[region], text, lengths, self.score),
            texts,
            character_scores[region] * said,
        )
        return Examined(words, detection, confidence, margins[region], text, lengths)

    def columns(self, features: Features, shapes: Tensor, image_index: Tensor) -> Columns:
        """The recogniser's output for regions of shapes [N, G], N at least 1."""
        if isinstance(self.recogniser, PictureRecogniser):
            height, width = features.anchors.mosaic or features.pictures.shape[-2:]
            columns: Columns = self.recogniser(features.pictures, shapes, image_index, (height, width))
            return columns
        patches = self.sample(features, shapes, image_index)
        logits = self.recogniser(patches.fine, patches.coarse, patches.widths)
        return Columns(logits, patches.widths, torch.ones_like(shapes[:, 0]))

    def transcribe(self, columns: Columns, own: GreedyPath) -> tuple[Tensor, Tensor, Tensor]:
        """The texts of regions: classes int32 [N, W], their probabilities float32 [N, W], and the margin to the next
        best text [N] (0 without a language model). own: the recogniser's greedy path, corrected."""
        if self.language is None:
            return own.classes, own.probabilities, torch.zeros_like(own.probabilities[:, 0])
        logits, widths = columns.logits, columns.widths
        log_probabilities = logits.log_softmax(-1)
        characters, margins = self.language(log_probabilities, widths)
        chosen = log_probabilities.gather(2, characters.to(torch.int64)[..., None]).squeeze(2).exp()
        inside = torch.arange(characters.shape[1], device=characters.device) < widths[:, None]
        return characters, chosen * inside.to(chosen.dtype), margins

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        """The graph: images uint8 [B, H, W, 3] padded right and below, sizes int32 [B, 2] = (height, width) of the
        real part -> the fields of `Words`, in order, and the probabilities [B, 4] of `Orientation` where it has one."""
        features = self.pyramid(images, sizes)
        maps = self.detect(features)
        words = self.read(features, self.regions(features, maps, sizes)).words
        found = words.image_index, words.polygons, words.scores, words.characters, words.character_scores
        if self.orientation is None:
            return found
        return *found, self.orientation(*self.points(features, maps, sizes)).softmax(1)


def normalised(images: Tensor) -> Tensor:
    """Pictures uint8 [B, H, W, 3] -> float32 [B, 3, H, W] as every network here reads them."""
    return (images.permute(0, 3, 1, 2).float() - _MEAN) / _DEVIATION


def real_part(pictures: Tensor, sizes: Tensor | None) -> Tensor:
    """float32 [B, 1, H, W]: 1 on the real parts of pictures [B, C, H, W] and 0 in their padding; sizes as in
    `Spotter.pyramid`."""
    batch, _, height, width = pictures.shape
    if sizes is None:
        return torch.ones(batch, 1, height, width, device=pictures.device)
    rows = torch.arange(height, device=pictures.device) < sizes[:, :1]
    columns = torch.arange(width, device=pictures.device) < sizes[:, 1:]
    return (rows[:, None, :, None] & columns[:, None, None, :]).float()


def word_scores(
    detection: Tensor, confidence: Tensor, margins: Tensor, text: Tensor, lengths: Tensor, config: ScoreConfig
) -> Tensor:
    """Scores float32 [N] of words from the detector's probabilities, the probabilities of their least certain
    characters, the margins to the next best texts and the log probabilities of the texts, both in nats, and the
    texts' numbers of characters, int64 (see `ScoreConfig`)."""
    d = detection.clamp(_LEAST, 1 - _LEAST)
    c = confidence.clamp(min=_LEAST)
    logit = config.bias + config.detection * (d.log() - (1 - d).log()) + config.character * c.log()
    logit = logit + config.margin * margins + config.text * text
    if config.length:
        logit = logit + config.length * lengths.clamp(min=LEAST_LENGTH).to(text.dtype).log()
    return logit.sigmoid()

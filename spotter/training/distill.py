"""Knowledge distillation: learning from a teacher's outputs, features and attention."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.families.config import SpotterConfig
from spotter.model.family import Maps, Patches
from spotter.model.spotter import Features, Spotter
from spotter.training.config import DistillConfig
from spotter.training.imagenet import ImageNetFeatures


@dataclass(frozen=True)
class TeacherOutput:
    """A teacher's output for a batch: its feature maps [B, C, H, W]; features and maps: only where the teacher is a
    spotter."""

    shared: Tensor
    features: Features | None = None
    maps: Maps | None = None


def reading_divergence(student: Tensor, teacher: Tensor, widths: Tensor, temperature: float) -> Tensor:
    """Mean over the columns in use of KL(teacher || student), both softened (Hinton et al. 2015, arXiv:1503.02531),
    times the square of the temperature, which keeps the gradient's size.

    student, teacher: logits [N, W, classes]. widths: int [N], columns in use.
    """
    taught = (teacher / temperature).log_softmax(-1)
    said = (student / temperature).log_softmax(-1)
    divergence = (taught.exp() * (taught - said)).sum(-1)
    inside = torch.arange(divergence.shape[1], device=divergence.device) < widths[:, None]
    return (divergence * inside).sum() / inside.sum().clamp(min=1) * temperature**2


def score_divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean KL(teacher || student) of the anchor points' probabilities of text; logits of one shape."""
    truth = teacher.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(teacher, truth)
    return F.binary_cross_entropy_with_logits(student, truth) - entropy


def feature_difference(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of maps [B, C, H, W], with the teacher's channels normalised to mean 0 and deviation 1
    (Romero et al. 2015, FitNets, arXiv:1412.6550)."""
    mean = teacher.mean((0, 2, 3), keepdim=True)
    deviation = teacher.std((0, 2, 3), keepdim=True).clamp(min=1e-3)
    return F.mse_loss(student, (teacher - mean) / deviation)


def attention_difference(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance of the maps' attention, averaged over the pictures: the channels' mean square at each position,
    scaled to length 1 (Zagoruyko and Komodakis 2017, arXiv:1612.03928). Maps [B, any C, H, W]."""
    first, second = (F.normalize(maps.square().mean(1).flatten(1), dim=1) for maps in (student, teacher))
    return (first - second).square().sum(1).mean()


class Distiller(nn.Module):
    """A frozen teacher, a student, and the losses between them.

    Only the 1x1 convolution from the student's width to the teacher's is trained.
    """

    adapter: nn.Conv2d | None

    def __init__(
        self,
        student: SpotterConfig,
        teacher: Spotter | ImageNetFeatures,
        teacher_config: SpotterConfig | None,
        config: DistillConfig,
    ):
        """teacher_config: of a spotter.

        Raises ValueError when the teacher's patches have another size, so that columns do not correspond, or when the
        losses need its output and it has none.
        """
        super().__init__()
        if config.output:
            if teacher_config is None:
                raise ValueError("this teacher does not read: features and attention can be learnt from it, no output")
            mine, theirs = student.map_recogniser, teacher_config.map_recogniser
            if (mine.height, mine.min_width, mine.max_width) != (theirs.height, theirs.min_width, theirs.max_width):
                raise ValueError("to learn a teacher's output, the heights and widths of the patches must be its own")
        self.teacher = teacher.eval().requires_grad_(False)
        self.config = config
        width = teacher_config.neck if teacher_config else ImageNetFeatures.channels
        self.adapter = nn.Conv2d(student.neck, width, 1) if config.features else None

    def train(self, mode: bool = True) -> "Distiller":
        """The teacher stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    @torch.no_grad()
    def teach(self, images: Tensor) -> TeacherOutput:
        """images: uint8 [B, H, W, 3]."""
        if isinstance(self.teacher, ImageNetFeatures):
            return TeacherOutput(self.teacher(images))
        features = self.teacher.features(images)
        return TeacherOutput(features.shared, features, self.teacher.detect(features))

    @torch.no_grad()
    def patches(self, teacher_output: TeacherOutput, shapes: Tensor, image_index: Tensor) -> Patches:
        """A reading teacher's patches of the student's regions."""
        assert isinstance(self.teacher, Spotter)
        assert teacher_output.features is not None
        return self.teacher.sample(teacher_output.features, shapes, image_index)

    def reading(self, logits: Tensor, fine: Tensor, coarse: Tensor, widths: Tensor) -> Tensor:
        """The divergence between the recognisers' outputs on one group of patches."""
        assert isinstance(self.teacher, Spotter)
        with torch.no_grad():
            recogniser = self.teacher.map_recogniser
            taught = recogniser.spell(recogniser.encode(fine, coarse, widths))
        return reading_divergence(logits, taught, widths, self.config.temperature)

    def losses(
        self, teacher_output: TeacherOutput, features: Features, maps: Maps, reading: Tensor
    ) -> dict[str, Tensor]:
        """The weighted parts. reading: the mean of `reading` over the batch's words. Where the teacher's maps are
        coarser, the student's are averaged to their size."""
        teacher = teacher_output.shared.float()
        student = F.adaptive_avg_pool2d(features.shared.float(), (teacher.shape[2], teacher.shape[3]))
        parts = {}
        if teacher_output.maps is not None and self.config.output:
            scores = score_divergence(maps.score.float(), teacher_output.maps.score.float())
            parts["taught_output"] = self.config.output * (scores + reading)
        if self.adapter is not None:
            parts["taught_features"] = self.config.features * feature_difference(self.adapter(student), teacher)
        if self.config.attention:
            parts["taught_attention"] = self.config.attention * attention_difference(student, teacher)
        return parts

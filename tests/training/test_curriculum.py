from pathlib import Path

import numpy as np
import pytest

from spotter.training.config import DifficultyConfig
from spotter.training.curriculum import Curriculum, at_difficulty
from spotter.training.mixture import Mixture
from spotter.training.sample import Sample
from tests.training.small import NoiseSource, make_trainer

pytestmark = pytest.mark.usefixtures("one_thread")


class GradedSource(NoiseSource):
    """Notes the difficulty of every picture that it, or a copy of it, makes."""

    def __init__(self, made: list[float], difficulty: float = 1.0) -> None:
        super().__init__()
        self.made = made
        self.difficulty = difficulty

    def at(self, difficulty: float) -> "GradedSource":
        return GradedSource(self.made, difficulty)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        self.made.append(self.difficulty)
        return super().sample(rng, size)


def test_difficulty_follows_the_mean_loss_and_never_falls() -> None:
    curriculum = Curriculum(DifficultyConfig(easy=4.0, hard=2.0, decay=0.5, period=2))
    seen = []
    for step, loss in enumerate((5.0, 5.0, 3.0, 2.0, 9.0, 9.0, 0.0, 0.0), start=1):
        curriculum.note(loss, step)
        seen.append(curriculum.difficulty)
    # Means at steps 2, 4, 6 and 8: 5, 3, 7.5 and 1.875.
    assert seen == pytest.approx([0, 0, 0, 0.5, 0.5, 0.5, 0.5, 1])


def test_without_thresholds_pictures_are_as_hard_as_they_get() -> None:
    curriculum = Curriculum(DifficultyConfig())
    curriculum.note(9.0, 200)
    assert curriculum.difficulty == 1
    assert curriculum.last_step(3, 1000) == 1000


def test_difficulty_changes_at_whole_periods_alone() -> None:
    curriculum = Curriculum(DifficultyConfig(easy=4.0, hard=2.0, period=10))
    assert [curriculum.last_step(step, 25) for step in (0, 9, 10, 19, 20)] == [10, 10, 20, 20, 25]


def test_a_mixture_grades_the_sources_that_have_grades() -> None:
    made: list[float] = []
    mixture = Mixture([(GradedSource(made), 1.0), (NoiseSource(), 1.0)])
    rng = np.random.default_rng(0)
    for _ in range(20):
        at_difficulty(mixture, 0.25).sample(rng, 64)
        mixture.sample(rng, 64)
    assert set(made) == {0.25, 1.0}


def test_a_run_gets_harder_as_it_reads_and_resumes_alike(tmp_path: Path) -> None:
    # A loss of hundredths is never reached, one below a thousand at once.
    easy, hard = DifficultyConfig(easy=0.02, hard=0.01, period=2), DifficultyConfig(easy=2000, hard=1000, period=2)
    made: list[float] = []
    make_trainer(tmp_path / "easy", GradedSource(made), difficulty=easy, sizes=(64,)).train()
    assert made == [0.0] * 12
    made.clear()
    make_trainer(tmp_path / "hard", GradedSource(made), difficulty=hard, sizes=(64,)).train(minutes=1e-9)
    again = make_trainer(tmp_path / "hard", GradedSource(made), difficulty=hard, sizes=(64,))
    again.resume()
    assert (again.curriculum.mean or 0) > 0
    again.train()
    assert made == [0.0] * 4 + [1.0] * 8


@pytest.mark.parametrize("values", [{"easy": 1.0, "hard": 2.0}, {"hard": 1.0}, {"period": 0}, {"decay": 1.0}])
def test_impossible_difficulties_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        DifficultyConfig(**values)  # type: ignore[arg-type]

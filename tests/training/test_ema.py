import torch

from spotter.training.ema import ExponentialMovingAverage
from tests.model.small import classifier, small_spotter


def test_the_average_trails_by_its_decay_and_follows_at_once_in_the_beginning() -> None:
    model = small_spotter()
    average = ExponentialMovingAverage(model, decay=0.5)
    with torch.no_grad():
        classifier(model).bias.fill_(0.0)
        classifier(average.model).bias.fill_(10.0)
    found = classifier(average.model).bias.detach()
    average.update(model, step=0)  # keeps min(0.5, 1 / 10)
    torch.testing.assert_close(found, torch.full_like(found, 1.0))
    average.update(model, step=2)  # 3 / 12
    torch.testing.assert_close(found, torch.full_like(found, 0.25))
    average.update(model, step=1000)  # one half, not 1001 / 1010
    torch.testing.assert_close(found, torch.full_like(found, 0.125))


def test_statistics_are_averaged_and_counters_copied() -> None:
    model = small_spotter()
    average = ExponentialMovingAverage(model, decay=0.9)
    before = model.state_dict()["backbone.stem.1.running_mean"].clone()
    model.state_dict()["backbone.stem.1.running_mean"].add_(10.0)
    model.state_dict()["backbone.stem.1.num_batches_tracked"].fill_(41)
    average.update(model, step=100_000)
    state = average.model.state_dict()
    torch.testing.assert_close(state["backbone.stem.1.running_mean"], before + 1.0)
    assert int(state["backbone.stem.1.num_batches_tracked"]) == 41


def test_the_average_is_a_copy_in_evaluation_mode_that_learns_nothing() -> None:
    model = small_spotter().train()
    average = ExponentialMovingAverage(model, decay=0.9)
    assert not average.model.training
    assert model.training
    assert not any(p.requires_grad for p in average.model.parameters())
    with torch.no_grad():
        classifier(model).bias.add_(1.0)
    assert not torch.equal(classifier(model).bias, classifier(average.model).bias)

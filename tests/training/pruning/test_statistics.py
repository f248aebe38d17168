import torch
from torch import Tensor, nn

from spotter.training.pruning.statistics import renew_statistics
from tests.model.small import talkative_spotter


def test_statistics_are_the_means_of_all_batches() -> None:
    model = talkative_spotter()
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randint(0, 256, (2, 64, 64, 3), generator=generator, dtype=torch.uint8) for _ in range(3)]
    reader = {name: value.clone() for name, value in model.recogniser.state_dict().items()}
    norm = model.get_submodule("backbone.stem.1")
    assert isinstance(norm, nn.BatchNorm2d)
    seen: list[Tensor] = []
    norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    renew_statistics(model, batches)
    means = torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0)
    variances = torch.stack([x.var((0, 2, 3)) for x in seen]).mean(0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, reader[name]) for name, value in model.recogniser.state_dict().items())

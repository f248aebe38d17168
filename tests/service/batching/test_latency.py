import pytest

from spotter.service.batching.latency import LatencyModel


def fitted(a: float, b: float) -> LatencyModel:
    model = LatencyModel()
    for step in range(50):
        megapixels = 1 + step % 4
        model.observe(megapixels, a * megapixels + b)
    return model


def test_the_line_is_found() -> None:
    a, b = fitted(0.05, 0.02).coefficients
    assert a == pytest.approx(0.05)
    assert b == pytest.approx(0.02)


def test_old_batches_are_forgotten() -> None:
    model = fitted(0.5, 0.2)
    for step in range(600):
        model.observe(1 + step % 4, 0.01 * (1 + step % 4) + 0.03)
    assert list(model.coefficients) == [pytest.approx(0.01, rel=0.02), pytest.approx(0.03, rel=0.02)]


def test_batches_all_alike_put_everything_down_to_the_pixels() -> None:
    model = LatencyModel()
    for _ in range(9):
        model.observe(2.0, 0.3)
    assert list(model.coefficients) == [pytest.approx(0.15), 0.0]
    assert LatencyModel().coefficients == (0.0, 0.0)


def test_coefficients_are_never_negative() -> None:
    model = LatencyModel()
    model.observe(1, 0.9)
    model.observe(4, 0.1)
    assert list(model.coefficients) == [0.0, pytest.approx(0.5, rel=0.05)]


def test_waiting_pays_where_a_batch_costs_much_and_the_next_picture_is_near() -> None:
    dear = fitted(0.001, 0.02)
    assert dear.waiting_pays(1, 1.0, 0.001)
    assert not dear.waiting_pays(1, 1.0, 0.05)
    assert not dear.waiting_pays(30, 1.0, 0.001)
    assert not fitted(0.1, 0.0).waiting_pays(1, 1.0, 0.0001)


def test_waiting_agrees_with_adding_up_the_delays() -> None:
    a, b, pixels, gap = 0.01, 0.03, 1.0, 0.004
    model = fitted(a, b)
    for waiting in range(1, 8):
        alone = a * waiting * pixels + b
        apart = waiting * alone + (alone + a * pixels + b)
        together = (waiting + 1) * (gap + alone + a * pixels)
        assert model.waiting_pays(waiting, pixels, gap) == (together < apart)


@pytest.mark.parametrize(("megapixels", "seconds"), [(0, 1), (-1, 1), (1, -1)])
def test_impossible_batches_are_refused(megapixels: float, seconds: float) -> None:
    with pytest.raises(ValueError, match="pixels"):
        LatencyModel().observe(megapixels, seconds)

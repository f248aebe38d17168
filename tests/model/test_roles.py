from spotter.model.roles import Roles, joined, matches


def test_patterns_mean_names_in_the_part() -> None:
    whole = joined({"head": Roles(dense=("*",), exact=("out.*",)), "recogniser": Roles(dense=("net.*.up.weight",))})
    assert [
        name
        for name in ("head.out.weight", "neck.a", "recogniser.net.3.up.weight", "recogniser.net.3.up.bias")
        if matches(name, whole.dense)
    ] == ["head.out.weight", "recogniser.net.3.up.weight"]
    assert whole.exact == ("head.out.*",)
    assert not whole.matrices


def test_a_whole_with_one_part_of_matrices_has_them() -> None:
    assert joined({"a": Roles(), "b": Roles(matrices=True)}).matrices

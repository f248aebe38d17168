"""What pages show and `test_walks.py` does not run: by what it begins with, and either why not or which test runs it.

Whatever is in neither table is run. Commands that are left out still are parsed by `tests/test_docs.py`.
"""

from collections.abc import Mapping

_SETUP = "makes an environment from package indexes; tests/fresh.sh does it on a bare Debian, as root"
_PACKAGES = "installs packages from an index; tests/deploy/test_wheel.py installs the wheel that is built here"
_PEERS = "wants the peers' packages, and compares on a machine that does nothing else"
_MINUTES = "minutes of measuring; tests/benchmarks has each benchmark in small"
_GPU = "wants a GPU"
_DOCKER = "wants Docker's engine; tests/topology/docker.sh"
_HOURS = (
    "trains for hours on data sets and packages that are not here; recipes are read by tests/training/test_recipe.py"
)
_ACTIVATES = "an environment that `make serve` made; tests run in one of their own"

LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "README.md": {"make serve": _SETUP, "make test": _SETUP},
    "docs/accuracy.md": {"spotter bench graph": _PEERS},
    "docs/benchmarks.md": {
        "spotter bench ": _MINUTES,
        "spotter bench graph --threads 1 --peer": _PEERS,
        "spotter bench serve --peer": _PEERS,
    },
    "docs/bulk.md": {"pip install": _PACKAGES},
    "docs/capacity.md": {"spotter bench capacity": _MINUTES},
    "docs/cli.md": {
        'eval "$(_SPOTTER_COMPLETE=zsh_source': "wants zsh; tests/cli/test_main.py completes as it asks",
        "_SPOTTER_COMPLETE=fish_source": "wants fish; tests/cli/test_main.py completes as it asks",
    },
    "docs/client.md": {"pip install": _PACKAGES},
    "docs/index.md": {"make serve": _SETUP, ". .venv/bin/activate": _ACTIVATES},
    "docs/mcp.md": {"pip install": _PACKAGES},
    "docs/operate.md": {"SPOTTER_REGISTRY=mlflow+http": _DOCKER, "docker buildx": _DOCKER},
    "docs/operators.md": {
        "spotter build-ops --cuda": _GPU,
        "spotter bench graph --bundle bundle --device cuda": _GPU,
        "spotter models --registry R publish": "follows an export for a GPU",
        "SPOTTER_REGISTRY=R SPOTTER_DEVICE=cuda": _GPU,
    },
    "docs/synthesis.md": {"apt-get install": "installs packages, as root", "npm install": "installs packages"},
    "docs/training.md": {
        "export ": "settings of a shell for the lines after it",
        "wait": "of the lines before it",
        "pip install": _PACKAGES,
        "spotter evaluate": "data sets that are not here; docs/evaluation.md's walk has it in small",
        "spotter synth ": "minutes; docs/synthesis.md's walk has it in small",
        "spotter train ": _HOURS,
    },
    "docs/video.md": {
        "pip install": _PACKAGES,
        "spotter video rtsp:": "wants a camera",
        "ffmpeg ": "wants a camera, and the program ffmpeg",
    },
}
"""By page: beginnings of commands, and why they are left out."""

_CURL = "tests/service/test_curl.py::test_each_call_is_answered_as_the_page_says"
_PYTHON = "tests/client/generated/test_python.py"
_TYPESCRIPT = "tests/client/generated/test_typescript.py::test_generated_clients_are_well_typed_and_read"
_FAMILY = "tests/families/test_another_family.py"
_CALIBRATED = "tests/cli/test_calibrate.py"
_PRUNED = "tests/training/pruning/test_prune.py"
_ALIGNED = "tests/training/data/test_aligned_words.py"

ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "docs/client.md": {
        "def documents": "tests/client/test_client.py::test_the_page_on_frameworks_makes_a_document_of_each_page"
    },
    "docs/cli.md": {
        "spotter demo": "tests/cli/test_demo.py::test_it_serves_the_playground_and_opens_a_browser_at_a_sample"
    },
    "docs/curl.md": {"curl ": _CURL, "printf ": _CURL},
    "docs/families.md": {
        "from ": f"{_FAMILY}::test_it_is_what_the_page_builds",
        "@dataclass": f"{_FAMILY}::test_it_is_what_the_page_builds",
        "class ": f"{_FAMILY}::test_it_is_what_the_page_builds",
        "[train]": f"{_FAMILY}::test_it_is_what_the_page_builds",
        "spotter train": f"{_FAMILY}::test_it_learns_in_the_common_loop_by_its_own_parts_of_the_loss",
        "spotter evaluate": f"{_FAMILY}::test_in_eight_bits_it_is_verified_served_and_evaluated",
        "spotter export": f"{_FAMILY}::test_in_eight_bits_it_is_verified_served_and_evaluated",
        "spotter models": f"{_FAMILY}::test_in_eight_bits_it_is_verified_served_and_evaluated",
        "SPOTTER_REGISTRY=models": f"{_FAMILY}::test_in_eight_bits_it_is_verified_served_and_evaluated",
    },
    "docs/index.md": {
        "spotter demo": "tests/cli/test_demo.py::test_it_serves_the_playground_and_opens_a_browser_at_a_sample"
    },
    "docs/operate.md": {"spotter models --registry mlflow+http": "tests/registry/test_stores.py"},
    "docs/operators.md": {
        "spotter build-ops ": "tests/ops/test_cli.py::test_it_builds_once_where_it_is_found",
        "spotter export": "tests/export/test_half.py",
    },
    "docs/service.md": {
        "openapi-python-client": f"{_PYTHON}::test_a_raw_body_is_read",
        "content_type_overrides": f"{_PYTHON}::test_the_picture_of_a_page_comes_as_bytes",
        "client = AuthenticatedClient": f"{_PYTHON}::test_a_raw_body_is_read",
        "npx ": _TYPESCRIPT,
        "const { data, error }": _TYPESCRIPT,
    },
    "docs/training.md": {
        "spotter average": "tests/training/test_average.py::test_two_runs_average_to_the_middle_of_their_ema_weights",
        "spotter build-ops": "tests/ops/test_cli.py::test_it_builds_once_where_it_is_found",
        "spotter calibrate": f"{_CALIBRATED}::test_the_fitted_numbers_are_written_with_the_weights",
        "spotter calibrate work/fifth.pt --language": f"{_CALIBRATED}::test_a_language_model_gives_margins",
        "spotter combine": "tests/training/test_combine.py::test_the_command_writes_it_or_says_why_not",
        "spotter data align-lines DATA/lines": f"{_ALIGNED}::test_the_command_cuts_lines",
        "spotter data align-lines DATA/sroie": f"{_ALIGNED}::test_the_command_cuts_pictures",
        "spotter data pseudo-label": "tests/training/data/test_cli.py::test_pictures_are_labelled",
        "spotter data split-lines": "tests/training/data/test_cli.py::test_lines_are_cut_and_their_case_is_restored",
        "spotter export": "tests/export/test_cli.py::test_a_checkpoint_becomes_a_bundle",
        "spotter import-weights": "tests/training/test_cli.py::test_published_weights_are_written_with_whose_they_are",
        "spotter language": "tests/training/test_language.py::test_the_command_writes_tables",
        "spotter prune": f"{_PRUNED}::test_the_command_says_what_is_left_and_what_a_recipe_needs",
        "spotter search": "tests/training/test_search.py::test_a_whole_search_of_small_networks",
    },
}
"""By page: beginnings of commands and of other code, and the test that runs it."""

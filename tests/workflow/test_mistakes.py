"""Mistakes stop Snakemake before any job, with exit code 2 and one line; dry runs included."""

import h5py
import pytest

MISTAKES = {
    "misspelt key": (
        ("config/config.yaml", "  cutoff: 12.0", "  cutof: 12.0"),
        ["config/config.yaml:", "model.cutof", "'cutoff'"],
    ),
    "no YAML": (("config/config.yaml", "run: default", "run: [default"), ["config/config.yaml:", "not valid YAML"]),
    "duplicate key": (
        ("config/config.yaml", "  cutoff: 12.0", "  cutoff: 12.0\n  cutoff: 9.0"),
        ["model.cutoff", "duplicate"],
    ),
    "mistake in the overlay": (
        ("config/demo.yaml", "allegro_size: small", "allegro_size: tiny"),
        ["config/demo.yaml:", "'tiny'"],
    ),
    "unknown source": (
        ("config/proteins.yaml", "source: mdcath", "source: mdcat"),
        ["config/proteins.yaml:", "'mdcath'"],
    ),
    "missing file": (
        ("config/proteins.yaml", "mdcath_dataset_cln025", "mdcath_dataset_none"),
        ["'cln025'", "no such file"],
    ),
    "no file matches": (
        ("config/proteins.yaml", "mdcath_dataset_cln025.h5", "nothing*.h5"),
        ["'cln025'", "path: no file matches 'resources/demo/nothing*.h5'"],
    ),
    "no frames": (("config/proteins.yaml", "temperatures: [348]", "temperatures: [999]"), ["'cln025'", "999"]),
}

MISTAKES |= {
    "braces in a path": (
        ("config/proteins.yaml", "resources/demo/mdcath_dataset_cln025.h5", "'{protein}/data.h5'"),
        ["config/proteins.yaml:", "proteins.cln025.path", "Snakemake"],
    ),
    "octal number": (
        ("config/demo.yaml", "l_max: 1", "l_max: 01"),
        ["config/demo.yaml:", "model.l_max", "'01'"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_stops_a_dry_run(checkout, name):
    """The message is the same as that of ``cgpipe check``; detects a check that comes too late or not at all."""
    edit, facts = MISTAKES[name]
    checkout.edit("config/demo.yaml", "resources/demo/proteins.yaml", "config/proteins.yaml")
    checkout.edit(*edit)
    outcome = checkout.snakemake("--dry-run")
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert [fact for fact in facts if fact not in outcome.errors[0]] == []
    assert "Traceback" not in outcome.text


def test_mistake_on_the_command_line(checkout):
    """``--config`` has no file and line; the key is named all the same."""
    outcome = checkout.snakemake("--dry-run", "--config", "ensemble={n_model: 3}")
    assert outcome.code == 2
    assert outcome.errors == ["error: --config: ensemble.n_model: unknown key (did you mean 'n_models'?)"]


def test_protein_without_forces(checkout):
    """Seen before any job, in a real run as well."""
    checkout.edit("config/demo.yaml", "resources/demo/proteins.yaml", "config/proteins.yaml")
    checkout.edit("config/proteins.yaml", "resources/demo/mdcath_dataset_trpcage.h5", "copy.h5")
    copy = checkout.path / "copy.h5"
    copy.write_bytes((checkout.path / "resources/demo/mdcath_dataset_trpcage.h5").read_bytes())
    with h5py.File(copy, "a") as file:
        domain = next(iter(file.values()))
        del domain["348/2/forces"]
    outcome = checkout.snakemake()
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert "'trpcage'" in outcome.errors[0] and "forces" in outcome.errors[0]
    assert not (checkout.path / "results").exists()


@pytest.mark.parametrize("text", ["", None])
def test_configuration_that_snakemakes_own_reader_does_not_take(checkout, text):
    """Empty or missing, the defaults hold, as in ``cgpipe check``; a date in an overlay stays text."""
    file = checkout.path / "config/config.yaml"
    file.unlink() if text is None else file.write_text(text)
    overlay = checkout.path / "config/demo.yaml"
    overlay.write_text(overlay.read_text() + "report: {title: 2026-12-01}\n")
    assert checkout.plan()["project"] == 2
    if text is None:
        assert checkout.without_overlay("--dry-run", "--quiet", "all").code == 0

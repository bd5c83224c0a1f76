"""The report stage on a made-up run: a complete page that needs nothing else, and clear words where a file is missing.

Whether the page looks good only eyes can tell.
"""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic_run import PROTEINS, REPLICAS

from cgpipe import report
from cgpipe.errors import UserError
from cgpipe.reporting.collect import collect
from cgpipe.reporting.page import SECTIONS, render

SETTINGS = json.dumps({"run": "made-up", "report": {"title": "A <made-up> run"}, "stability": True})


def build(run: Path, out: Path) -> tuple[str, dict]:
    html, summary = out / "report.html", out / "summary.json"
    report.main(["--settings", SETTINGS, "--results", str(run), "--out", str(html), "--summary", str(summary)])
    return html.read_text(), json.loads(summary.read_text())


@pytest.fixture(scope="module")
def built(made_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict]:
    return build(made_run, tmp_path_factory.mktemp("report"))


class Page(HTMLParser):
    """Everything on the page that could load something, its images, and its open tags."""

    VOID = ("meta", "img", "br", "link", "input", "hr")

    def __init__(self, text: str):
        super().__init__()
        self.references: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.ids: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.references += [values[key] or "" for key in ("src", "href", "data", "action", "srcset") if key in values]
        if tag == "img":
            self.images.append(values)
        if "id" in values:
            self.ids.add(values["id"] or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another tag, near line {self.getpos()[0]}"


def test_page_needs_no_network_and_no_other_file(built: tuple[str, dict]):
    """Detects a link, font, script or image that would be fetched."""
    text, _ = built
    page = Page(text)
    assert all(reference.startswith(("data:", "#")) for reference in page.references)
    assert {reference[1:] for reference in page.references if reference.startswith("#")} <= page.ids
    assert not re.search(r"https?://|url\(|@import", text)
    assert len(text) < 8e6


def test_page_is_well_formed_and_complete(built: tuple[str, dict]):
    """Detects tags left open, a section or protein left out, images without words, and unescaped text."""
    text, _ = built
    page = Page(text)
    assert page.open == [] and set(SECTIONS) <= page.ids
    assert len(page.images) >= 9 and all(image["alt"] for image in page.images)
    assert all(name in text for name in PROTEINS)
    assert "A &lt;made-up&gt; run" in text and "<made-up>" not in text
    assert "made up" in text  # the projection's note
    assert "nan" not in re.sub(r"data:[^\"]*", "", text).lower().split()


def test_what_native_means_is_on_the_page(built: tuple[str, dict]):
    """Detects a native structure that is not named, and quantities that are left out without a word."""
    text, summary = built
    assert re.search(r"Native structure: <code>\S*native\.pdb</code>", text)
    assert text.count("No native structure is given") == 1
    assert "rmsd_mean" in summary["proteins"]["alpha"] and "rmsd_mean" not in summary["proteins"]["beta"]


def test_free_energies_and_the_prior_alone_are_on_the_page(built: tuple[str, dict]):
    """Detects a verdict without fold, prior or the identity of equilibrium, and whole bonds that pass for a fold."""
    text, summary = built
    assert set(summary["verdict"]) == {"stability", "forces", "structure", "fold", "prior", "equilibrium"}
    assert summary["verdict"]["equilibrium"] == "good"
    assert "ΔG of folding, prior alone" in text and "native contacts Q: ΔF" in text and "slow coordinates: ΔF" in text
    assert text.count("bonds intact to the end") == len(PROTEINS) and "replicas alive" not in text
    assert "This is about bonds and numerics" in text and "by the shape alone: beta." in text
    assert "from held beads" in text
    alpha = summary["proteins"]["alpha"]
    assert {"free_energy_tica_prior", "fold_free_energy_difference_prior", "force_r2_max_from"} <= set(alpha)


def test_mean_forces_and_controls_are_on_the_page(built: tuple[str, dict]):
    """Detects a test set, a seed or a control that is measured and not shown."""
    text, summary = built
    assert "Mean forces of alpha" in text and "Mean forces of beta" not in text
    assert all(f"seed-{seed}, as trained" in text for seed in (0, 1))
    assert "beyond the bonds, corrected" in text and "told apart" in text
    alpha = summary["proteins"]["alpha"]
    wanted = {"mean_force_full_r2", "mean_force_prior_r2_beyond_bonds", "js_tica", "right_handed", "rmsf_difference"}
    wanted |= {"force_r2_max", "force_r2_of_max_interval", "js_bond_prior", "js_dihedral_mirrored", "coverage"}
    assert wanted <= set(alpha)
    assert alpha["mirrored_control_flagged"] is True and alpha["shuffled_control_flagged"] is True
    assert isinstance(alpha["reference_not_converged"], list)


def test_both_choices_of_the_best_member_are_on_the_page(built: tuple[str, dict]):
    """Detects ranks that are swapped, and a page that says forces chose."""
    text, _ = built
    assert "member that does best in short simulations" in text and "7 of 8" in text
    row = r"<td>seed-1</td>\s*<td class=\"number\">1</td>\s*<td class=\"number value\">2</td>"
    assert re.search(row, text)


def test_stability_is_on_the_page(built: tuple[str, dict], made_run: Path, tmp_path: Path):
    """Detects deaths without their reason, numbers that do not reach the summary, and a page that needs the stage."""
    text, summary = built
    assert "of those up to 32 fs" in text and "0.400 ps: a force is not finite" in text
    alpha = summary["proteins"]["alpha"]
    assert alpha["longest_stable_timestep"] == 8.0 and alpha["survived_share_600K"] == 0.5
    assert alpha["outside_600K"] is None and alpha["uncertain_300K"] == 0.02
    mine = Path(shutil.copytree(made_run, tmp_path / "run"))
    shutil.rmtree(mine / "stability")
    without = render(collect(mine, stability=False), "title")
    assert "Not looked at" in without and "of those up to 32 fs" not in without


def test_members_that_were_only_exported_are_listed(built: tuple[str, dict]):
    """Detects a report that stumbles over, or hides, members that nobody simulated."""
    text, summary = built
    assert "seed-1, alpha" not in text  # inside an image
    assert re.search(r"<td>seed-1</td><td>0</td>", text)
    assert summary["best_seed"] == 0


def test_the_page_says_what_ran(built: tuple[str, dict], made_run: Path, tmp_path: Path):
    """Detects a page that says LAMMPS whatever the engine was, or best whatever was simulated."""
    text, _ = built
    assert "Langevin dynamics in LAMMPS with what was exported as <em>best</em>" in text
    mine = Path(shutil.copytree(made_run, tmp_path / "run"))
    for path in (mine / "validate").iterdir():
        content = json.loads(path.read_text())
        for record in content["replica_records"]:
            record["engine"] = "jax"
        path.write_text(json.dumps(content))
    other = render(collect(mine, stability=True), "title")
    assert (
        "simulated in JAX and compared" in other and "LAMMPS" not in other.split("<footer>")[0].split("Provenance")[0]
    )


def test_summary_adds_up(built: tuple[str, dict]):
    """Detects totals that do not follow from the proteins, and keys that others rely on and that are gone."""
    _, summary = built
    proteins = summary["proteins"]
    assert set(proteins) == set(PROTEINS)
    assert summary["replicas"] == REPLICAS * len(PROTEINS)
    assert summary["replicas_survived"] == (REPLICAS - 1) * len(PROTEINS)
    assert summary["simulated_ps"] == pytest.approx(sum(p["simulated_ps"] for p in proteins.values()))
    assert summary["parity_max_rel_error"] == 2e-7
    assert summary["wall_seconds"] == {"prior": 3.0, "train": 12.5}
    assert summary["verdict"]["stability"] == "poor"
    forces = ("force_rmse", "force_r2", "prior_force_r2", "zero_force_rmse")
    wanted = {*forces, *(f"{name}_interval" for name in forces), "force_r2_gain", "force_r2_gain_interval"}
    wanted |= {f"js_{name}{end}" for name in ("bond", "angle", "dihedral") for end in ("", "_interval", "_split_half")}
    wanted |= {"projection_rms_heldout", "rg_mean", "replicas", "simulated_ps", "max_bond_deviation"}
    for numbers in proteins.values():
        assert wanted <= set(numbers)
        assert numbers["projection_rms_heldout"] == 10.5
        assert not any(isinstance(value, dict) for value in numbers.values())


@pytest.mark.parametrize(
    "name",
    [
        "project/alpha.h5",
        "dataset/dataset.json",
        "prior/prior.json",
        "prior/prior.png",
        "train/seed-1/metrics.jsonl",
        "train/seed-1/model.eqx",
        "simulate/beta/best/2/simulation.json",
        "ensemble/ensemble.json",
        "export/best/model.json",
        "export/seed-1/parity.json",
        "validate/beta.json",
        "stability/beta.json",
    ],
)
def test_a_missing_artefact_is_named(made_run: Path, tmp_path: Path, name: str):
    """Detects a traceback, or a page that leaves something out in silence."""
    mine = Path(shutil.copytree(made_run, tmp_path / "run"))
    (mine / name).unlink()
    with pytest.raises(UserError, match=re.escape(name)):
        build(mine, tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_cut_off_line_of_metrics_is_named(made_run: Path, tmp_path: Path):
    """Detects training curves that end early without a word."""
    mine = Path(shutil.copytree(made_run, tmp_path / "run"))
    path = mine / "train" / "seed-0" / "metrics.jsonl"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UserError, match=re.escape("metrics.jsonl:6")):
        build(mine, tmp_path)


def test_inputs_that_changed_between_stages_are_told(made_run: Path, built: tuple[str, dict], tmp_path: Path):
    """Detects results of different runs on one page."""
    mine = Path(shutil.copytree(made_run, tmp_path / "run"))
    path = mine / "validate" / "alpha.json"
    content = json.loads(path.read_text())
    content["cgpipe"]["inputs"]["dataset"]["sha256"] = "0" * 64
    path.write_text(json.dumps(content))
    assert "Mixed results" in build(mine, tmp_path)[0]
    assert "Mixed results" not in built[0]


def test_what_earlier_settings_left_is_not_part_of_the_run(made_run: Path, built: tuple[str, dict], tmp_path: Path):
    """Detects replicas and members of another configuration on the page."""
    mine = Path(shutil.copytree(made_run, tmp_path / "run"))
    shutil.copytree(mine / "simulate/alpha/best/0", mine / "simulate/alpha/best/7")
    shutil.copytree(mine / "export/best", mine / "export/seed-9")
    assert build(mine, tmp_path)[0] == built[0]


def test_a_protein_without_test_frames_or_simulated_frames_still_has_a_page(made_run: Path, tmp_path: Path):
    """Detects a page that needs every number."""
    mine = Path(shutil.copytree(made_run, tmp_path / "run"))
    shutil.rmtree(mine / "benchmark")
    path = mine / "validate" / "alpha.json"
    content = {key: value for key, value in json.loads(path.read_text()).items() if "force" not in key}
    curves = content["curves"]
    for curve in curves["distributions"].values():
        curve["simulated"] = None
    curves["contacts"]["simulated"] = curves["map"]["simulated"] = None
    curves["overlay"]["simulated"], curves["series"] = [], [{"time": [], "rg": [], "rmsd": []}]
    simulated = [
        key for key in content if key.startswith("js_") and not key.endswith(("_half", "_between", "_reference"))
    ]
    content |= dict.fromkeys([*simulated, "contact_rmse", "max_bond_deviation", "closest_approach"])
    curves["rmsf"]["simulated"] = curves["tica"]["simulated"] = curves["forces"] = None
    content |= {"force_frames": 0, "mean_force_configurations": 0}
    path.write_text(json.dumps(content))
    text, summary = build(mine, tmp_path)
    assert Page(text).open == [] and summary["verdict"]["forces"] != "good"
    assert "No benchmark tables" in text

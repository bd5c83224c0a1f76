"""``cgpipe watch`` on made-up metrics of two seeds."""

import json

import pytest

from cgpipe.errors import UserError
from cgpipe.plots.terminal import HEIGHT, plot
from cgpipe.watch import main


@pytest.fixture
def run(tmp_path):
    for seed, errors in ((0, (9.0, 8.0, 7.5)), (11, (9.0, 8.5))):
        folder = tmp_path / "train" / f"seed-{seed}"
        folder.mkdir(parents=True)
        lines = [{"header": {}}]
        for epoch, error in enumerate(errors):
            known = {"lr": 1e-3, "train_rmse": error - 0.1} if epoch else {"lr": None, "train_rmse": None}
            rates = {"frames_per_s": 55.0, "waiting": 0.01} if epoch else {}
            lines.append({"epoch": epoch, "phase": "adabelief", "val_rmse": error, **known, **rates})
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def finish(run, seed):
    with (run / "train" / f"seed-{seed}" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"final": True}) + "\n")


def test_all_seeds_in_the_terminal(run, capsys):
    """Catches seeds left out, and a finished one that seems to run."""
    finish(run, 11)
    assert main([str(run), "--once"]) == 0
    text = capsys.readouterr().out
    assert "seed-0     epoch 2 (adabelief)      val 7.500  best 7.500 kcal/mol/Å  55 frames/s, waiting 1.0%" in text
    assert "seed-11    finished" in text
    assert sum(character > "\u2800" for character in text) > 20


def test_it_ends_when_all_trainings_have(run, capsys):
    """Catches a loop that never ends."""
    for seed in (0, 11):
        finish(run, seed)
    assert main([str(run), "--every", "1000"]) == 0
    assert capsys.readouterr().out.startswith("\033[H\033[2J")


def test_picture(run, tmp_path):
    """Catches a picture of another format, or none."""
    assert main([str(run), "--png", str(tmp_path / "curves.png")]) == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_no_training_yet(tmp_path):
    """Catches an empty plot of a misspelt run."""
    with pytest.raises(UserError, match="no training has begun"):
        main([str(tmp_path), "--once"])


def test_a_falling_line_goes_from_the_upper_left_to_the_lower_right():
    """Catches axes that are swapped or upside down, and labels of the wrong end."""
    lines = plot({"one": ([0.0, 10.0], [5.0, 1.0]), "hole": ([1.0], [float("nan")])}, 60)
    assert lines[0].lstrip()[2] > "\u2800"
    assert lines[HEIGHT - 1].lstrip().startswith("1 ")
    assert lines[HEIGHT - 1][-1] > "\u2800"
    assert lines[-1].split() == ["0", "10"]

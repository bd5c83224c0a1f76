"""Loggers against stand-ins of their packages; how the packages store what they get is not tested."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from cgpipe.errors import UserError
from cgpipe.training.loggers import open_loggers, scalars

LINE = {"epoch": 1, "phase": "yogi", "lr": None, "val_mse": 2.5, "val_r2_by_protein": {"a": 0.5}, "best": True}
NUMBERS = {"epoch": 1.0, "val_mse": 2.5, "val_r2_by_protein/a": 0.5}


def package(name, **functions):
    """A stand-in of an installed package."""
    module = ModuleType(name)
    vars(module).update(functions)
    return module


def test_numbers_of_a_line():
    """Catches text, missing values or flags among the curves, and proteins that overwrite each other."""
    assert scalars(LINE) == NUMBERS


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    """Catches a traceback, or silence, where the extra is not installed."""
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r"package wandb is not installed; pip install 'cgpipe\[wandb\]'"):
        open_loggers(["wandb"], tmp_path, "run", {})


def test_tensorboard_gets_every_number(tmp_path, monkeypatch):
    """Catches lines that are not flushed, a wrong step, and files outside the run's folder."""
    seen = []

    def writer(folder):
        seen.append(folder)
        return SimpleNamespace(
            add_scalar=lambda *a: seen.append(a), flush=lambda: seen.append("flush"), close=seen.clear
        )

    monkeypatch.setitem(sys.modules, "tensorboardX", package("tensorboardX", SummaryWriter=writer))
    (logger,) = open_loggers(["tensorboard"], tmp_path, "run", {})
    logger.write(LINE, 7)
    assert seen == [str(tmp_path / "tensorboard"), *((name, value, 7) for name, value in NUMBERS.items()), "flush"]
    logger.close()
    assert not seen


def test_wandb_is_offline_and_resumes(tmp_path, monkeypatch):
    """Catches data sent without being asked for, and a resumed run that shows up as a new one."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    began, logged = {}, []
    run = SimpleNamespace(log=lambda line, step: logged.append((line, step)), finish=lambda: logged.append("end"))
    monkeypatch.setitem(sys.modules, "wandb", package("wandb", init=lambda **keys: began.update(keys) or run))
    (logger,) = open_loggers(["wandb"], tmp_path, "abc", {"seed": 3})
    assert (began["mode"], began["id"], began["resume"]) == ("offline", "abc", "allow")
    assert (began["dir"], began["config"]) == (str(tmp_path), {"seed": 3})
    logger.write(LINE, 7)
    logger.close()
    assert logged == [(NUMBERS, 7), "end"]

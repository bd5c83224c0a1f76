"""The slice of the configuration that each stage gets: all it depends on, and nothing else.

Snakemake reruns a stage when its slice changes, so a key that is here without need costs reruns, and a key that is
missing here costs correctness.
"""

from pydantic import Field

from cgpipe.config.models import (
    Config,
    Dataset,
    Export,
    Model,
    Prior,
    Project,
    Report,
    Section,
    Simulate,
    Species,
    Training,
    Validate,
)
from cgpipe.config.proteins import Protein, Proteins


class ProjectSettings(Section):
    protein: Protein
    species: Species
    project: Project


class DatasetSettings(Section):
    dataset: Dataset
    vocabulary: str
    val_fraction: float
    cutoff: float = Field(description="neighbour cutoff [Å], for the neighbour statistics")
    families: dict[str, str] = Field(description="protein → family (its own name where none is given)")


class PriorSettings(Section):
    prior: Prior
    cutoff: float


class TrainSettings(Section):
    model: Model
    training: Training


class ExportSettings(Section):
    export: Export


class SimulateSettings(Section):
    simulate: Simulate


class ValidateSettings(Section):
    validate_: Validate = Field(alias="validate")


class ReportSettings(Section):
    run: str
    report: Report


def stage_settings(config: Config, proteins: Proteins, stage: str, protein: str = "") -> Section:
    """The settings object of a stage, e.g. ``stage_settings(config, proteins, "project", "cln025")``.

    Args:
        protein: for ``project``, the protein's name.

    Raises:
        KeyError: no such stage, or no such protein.
    """
    families = {name: block.family or name for name, block in proteins.proteins.items()}
    makers = {
        "project": lambda: ProjectSettings(
            protein=proteins.proteins[protein], species=config.species, project=config.project
        ),
        "dataset": lambda: DatasetSettings(
            dataset=config.dataset,
            vocabulary=config.species.vocabulary,
            val_fraction=config.training.val_fraction,
            cutoff=config.model.cutoff,
            families=families,
        ),
        "prior": lambda: PriorSettings(prior=config.prior, cutoff=config.model.cutoff),
        "train": lambda: TrainSettings(model=config.model, training=config.training),
        "export": lambda: ExportSettings(export=config.export),
        "simulate": lambda: SimulateSettings(simulate=config.simulate),
        "validate": lambda: ValidateSettings(validate=config.validate_),
        "report": lambda: ReportSettings(run=config.run, report=config.report),
    }
    return makers[stage]()


def settings_json(config: Config, proteins: Proteins, stage: str, protein: str = "") -> str:
    """The settings of a stage as the text of ``--settings``; equal settings give equal text."""
    return stage_settings(config, proteins, stage, protein).model_dump_json(by_alias=True)

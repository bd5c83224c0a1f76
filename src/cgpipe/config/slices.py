"""The slice of the configuration that each stage gets: all it depends on, and nothing else.

Snakemake reruns a stage when its slice changes, so a key that is here without need costs reruns, and a key that is
missing here costs correctness.
"""

from typing import Any

from pydantic import Field

from cgpipe.config.models import (
    Config,
    Dataset,
    Export,
    InDataset,
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
from cgpipe.config.network import TemperatureUse
from cgpipe.config.proteins import Given, MdcathProtein, Protein, Proteins
from cgpipe.config.sampling import APART, Average, OpenmmProtein, Sampling, Simulated
from cgpipe.config.stability import Stability


class SampleSettings(Section):
    sampling: Sampling
    unfolded: bool = Field(description="begin at 600 K")


class AverageSettings(Section):
    simulated: Simulated
    average: Average
    apart: int = Field(APART, description="frames of one replica that are chosen are at least so many frames apart")


class ProjectSettings(Section):
    protein: Given
    species: Species
    project: Project


class DatasetSettings(Section):
    dataset: Dataset
    vocabulary: str
    val_fraction: float
    cutoff: float = Field(description="neighbour cutoff [Å], for the neighbour statistics")
    families: dict[str, str] = Field(description="protein → family (its own name where none is given)")
    quotas: dict[str, int] = Field({}, description="protein → at most so many frames, where there is a limit")
    weights: dict[str, float] = Field({}, description="protein → weight in training, where it is not 1")
    temperature: TemperatureUse = Field("single", description="whether frames may be at several temperatures")


class PriorSettings(Section):
    prior: Prior
    cutoff: float
    temperature: TemperatureUse = Field("single", description="whether the prior is a function of temperature")


class TrainSettings(Section):
    model: Model
    training: Training


class Contest(Section):
    timestep: float = Field(description="of the simulations [fs]")
    damping: float = Field(description="of the simulations [ps]")
    bond_tolerance: float = Field(description="of the simulations [Å]")


class EnsembleSettings(Section):
    contest: Contest | None = Field(description="how members are simulated; none where forces choose")


class ExportSettings(Section):
    export: Export
    temperature: float = Field(
        0.0, description="what a model that has temperature as an input is exported at [K]; 0: that of most frames"
    )


class SimulateSettings(Section):
    simulate: Simulate


class ValidateSettings(Section):
    validate_: Validate = Field(alias="validate")
    aliases: dict[str, str] = Field({}, description="names of non-standard residues in the native structure")


class StabilitySettings(Section):
    stability: Stability
    temperature: float = Field(0.0, description="of the simulations [K]; 0: that of the data")
    timestep: float = Field(description="of the simulations [fs]")
    damping: float = Field(description="of the simulations [ps]")
    bond_tolerance: float = Field(description="of the simulations [Å]")


class ReportSettings(Section):
    run: str
    report: Report
    stability: bool = Field(description="whether the stage stability ran")


def _sample(block: Protein, replica: int) -> SampleSettings:
    """Adding a replica, or the family of the protein, changes nothing for the other replicas."""
    if not isinstance(block, OpenmmProtein):
        raise KeyError(f"source {block.source!r} is not sampled")
    return SampleSettings(sampling=Sampling(**_part(Sampling, block)), unfolded=replica in block.unfolded)


def _average(block: Protein) -> AverageSettings:
    if not isinstance(block, OpenmmProtein):
        raise KeyError(f"source {block.source!r} is not sampled")
    return AverageSettings(simulated=Simulated(**_part(Simulated, block)), average=block.average)


def _part(kind: type[Simulated], block: OpenmmProtein) -> dict[str, Any]:
    return {key: getattr(block, key) for key in kind.model_fields}


def frames_source(config: Config, proteins: Proteins, protein: str) -> Given:
    """Where the frames of a protein are read from; what was sampled here is read like any mdCATH file."""
    block = proteins.proteins[protein]
    if not isinstance(block, OpenmmProtein):
        # without what matters to the dataset only, so that those keys project nothing again
        return block.model_copy(update={name: field.default for name, field in InDataset.model_fields.items()})
    path = f"{config.results}/allatom/{protein}.h5"
    return MdcathProtein(source="mdcath", path=(path,), domain=protein, temperatures=(block.temperature,))


def _ensemble(config: Config) -> EnsembleSettings:
    """Where forces choose, nothing of the simulations: changing them reruns nothing."""
    if config.ensemble.select == "force":
        return EnsembleSettings(contest=None)
    return EnsembleSettings(contest=Contest(**{key: getattr(config.simulate, key) for key in Contest.model_fields}))


def stage_settings(config: Config, proteins: Proteins, stage: str, protein: str = "", replica: int = 0) -> Section:
    """The settings object of a stage, e.g. ``stage_settings(config, proteins, "project", "cln025")``.

    Args:
        protein: for ``sample``, ``project`` and ``average``, the protein's name.
        replica: for ``sample``.

    Raises:
        KeyError: no such stage, or no such protein.
    """
    families = {name: block.family or name for name, block in proteins.proteins.items()}
    makers = {
        "sample": lambda: _sample(proteins.proteins[protein], replica),
        "average": lambda: _average(proteins.proteins[protein]),
        "project": lambda: ProjectSettings(
            protein=frames_source(config, proteins, protein), species=config.species, project=config.project
        ),
        "dataset": lambda: DatasetSettings(
            dataset=config.dataset,
            vocabulary=config.species.kinds,
            val_fraction=config.training.val_fraction,
            cutoff=config.model.cutoff,
            families=families,
            quotas={name: block.quota for name, block in proteins.proteins.items() if block.quota},
            weights={name: block.weight for name, block in proteins.proteins.items() if block.weight != 1.0},
            temperature=config.model.temperature,
        ),
        "prior": lambda: PriorSettings(
            prior=config.prior, cutoff=config.model.cutoff, temperature=config.model.temperature
        ),
        "train": lambda: TrainSettings(model=config.model, training=config.training),
        "ensemble": lambda: _ensemble(config),
        "export": lambda: ExportSettings(
            export=config.export,
            temperature=config.simulate.temperature if config.model.temperature == "input" else 0.0,
        ),
        "simulate": lambda: SimulateSettings(simulate=config.simulate),
        "validate": lambda: ValidateSettings(validate=config.validate_, aliases=dict(config.species.aliases)),
        "stability": lambda: StabilitySettings(
            stability=config.stability,
            temperature=config.simulate.temperature,
            timestep=config.simulate.timestep,
            damping=config.simulate.damping,
            bond_tolerance=config.simulate.bond_tolerance,
        ),
        "report": lambda: ReportSettings(run=config.run, report=config.report, stability=config.stability.enabled),
    }
    return makers[stage]()


def settings_json(config: Config, proteins: Proteins, stage: str, protein: str = "", replica: int = 0) -> str:
    """The settings of a stage as the text of ``--settings``; equal settings give equal text."""
    return stage_settings(config, proteins, stage, protein, replica).model_dump_json(by_alias=True)

"""Every key of ``config.yaml``: its type, unit, default, limits and meaning.

The JSON schemas, the key table in ``config/README.md`` and the validation all come from these classes. Unknown keys
are errors. A section's ``model_dump()`` is what its stage gets as ``--settings``.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cgpipe.config.dataset import Dataset
from cgpipe.config.network import Model
from cgpipe.config.section import Count, DataPath, Fraction, Name, NotNegative, Positive, Section
from cgpipe.config.species import Species
from cgpipe.config.stability import Stability
from cgpipe.config.training import Training


class Project(Section):
    map: Literal["auto", "optimal", "window", "uniform", "slice"] = Field(
        "auto",
        description="force map; auto takes the less noisy of optimal and window on held-out frames; uniform and slice "
        "are baselines; slice is biased where bonds to hydrogen are rigid",
    )
    window: Count = Field(1, description="residues on each side that a bead's force is taken from in the window map")
    engine: Literal["builtin", "aggforce"] = Field(
        "builtin", description="what computes the optimal map: closed form, or the package aggforce (map: optimal only)"
    )
    constraints: Literal["hbonds", "none"] = Field(
        "hbonds", description="bonds that the all-atom MD held rigid: those to hydrogen, or none"
    )
    ridge: NotNegative = Field(
        0.0, description="λ of λ‖W‖² added to the variance that the optimal map minimises [kcal²/mol²/Å²]"
    )
    folds: Annotated[int, Field(ge=2)] = Field(
        5, description="cross-fits over trajectories (over blocks of time where there is one trajectory)"
    )
    max_overfit: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.3, description="refuse a map with more free coefficients per bead than this share of 3 × frames"
    )
    non_finite: Literal["refuse", "drop"] = Field(
        "refuse",
        description="what to do with frames that cannot be: numbers that are not finite or beyond reason, atoms on one "
        "point, bonds of impossible length, no forces, equal to an earlier frame of the same trajectory",
    )

    disulphides: Literal["refuse", "unbonded"] = Field(
        "refuse", description="proteins with disulphide bonds: the prior has none, unbonded leaves them to the network"
    )

    @model_validator(mode="after")
    def _map_of_the_engine(self) -> "Project":
        if self.engine == "aggforce" and self.map != "optimal":
            raise ValueError(f"engine aggforce has no map {self.map!r}: set map: optimal, or engine: builtin")
        return self


class PriorWeights(Section):
    bond: NotNegative = Field(1.0, description="weight of the bond term")
    angle: NotNegative = Field(1.0, description="weight of the angle term")
    dihedral: NotNegative = Field(1.0, description="weight of the dihedral term")
    repulsion: NotNegative = Field(1.0, description="weight of the repulsion, |i−j| ≥ 6 and between chains")
    excluded: NotNegative = Field(1.0, description="weight of the excluded volume, |i−j| = 2…5")


class Prior(Section):
    weights: PriorWeights = PriorWeights()
    form: Literal["parametric", "spline"] = Field(
        "parametric", description="closed forms of bond, angle and dihedral, or these with spline corrections"
    )
    angle_terms: Count = Field(10, description="Fourier terms of the angle potential, sines and cosines together")
    dihedral_terms: Count = Field(3, description="cosine terms of the dihedral potential")
    pseudo_count: Positive = Field(1.0, description="counts added to each histogram bin before inversion")
    shrinkage: Positive = Field(
        500.0, description="samples at which a residue type's own fit weighs as much as the global fit"
    )
    contact_percentile: Annotated[float, Field(gt=0.0, lt=50.0)] = Field(
        0.5,
        description="percentile of the distances within the cutoff at which the repulsion (|i−j| ≥ 6) and the excluded "
        "volume (4, 5) reach contact_energy, and at which that of |i−j| = 2, 3 begins",
    )
    contact_energy: Positive = Field(2.0, description="repulsion at that distance [kT]")


class Ensemble(Section):
    enabled: bool = Field(True, description="train n_models seeds; otherwise one")
    n_models: Count = Field(5, description="models in the ensemble, one training job each")
    base_seed: Annotated[int, Field(ge=0)] = Field(0, description="seed of the first model; the next ones count up")
    save_all_models: bool = Field(False, description="export every member, not only the best one")
    select: Literal["force", "dynamics"] = Field(
        "force",
        description="the best member has the lowest validation error; or, in short simulations of all members, the "
        "most survivors and then the structure nearest to the training and validation frames",
    )

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds to train, one job each."""
        return tuple(range(self.base_seed, self.base_seed + (self.n_models if self.enabled else 1)))


class Export(Section):
    platforms: tuple[Literal["cpu", "cuda"], ...] = Field(("cpu", "cuda"), description="where the program can run")
    beads: Annotated[int, Field(ge=0)] | tuple[Count, ...] = Field(
        0,
        description="bead capacity, or a list of them, besides those for the dataset's proteins: larger proteins, or "
        "systems of several molecules",
    )
    neighbours: Annotated[int, Field(ge=0)] = Field(
        0, description="room for neighbours per bead; 0 takes that of the model (dataset.capacity_margin)"
    )
    text: bool = Field(False, description="also write every program as readable StableHLO (.mlir.txt)")
    parity_frames: Count = Field(4, description="reference frames per protein in the parity check")
    parity_tolerance: Positive = Field(1e-5, description="largest relative force error of that check")


class Simulate(Section):
    engine: Literal["lammps", "native", "jax"] = Field(
        "lammps",
        description="lammps: the exported program in LAMMPS, a job per replica; native: the same without Python, in "
        "the pair style of `cgpipe build-plugin`; jax: the model itself, all replicas of a protein in one job, faster "
        "in sum",
    )
    member: Literal["best", "ensemble"] = Field(
        "best", description="what is simulated and validated: the best model, or the mean of all (export/ensemble)"
    )
    spread_limit: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="largest spread of a bead's force over the members of the ensemble [kcal/mol/Å], looked at in "
        "every step; frames beyond go to uncertain.xyz; 0: not looked at",
    )
    on_spread: Literal["stop", "warn"] = Field("stop", description="what happens beyond that limit")
    replicas: Count = Field(4, description="runs per protein and member, from frames spread over the reference")
    temperature: NotNegative = Field(
        0.0,
        description="of the thermostat [K]; 0: that of the protein's data, which is what a model holds at, or with "
        "model.temperature input the one that most training frames have",
    )
    picoseconds: Positive = Field(200.0, description="length of one run [ps]")
    timestep: Positive = Field(4.0, description="time step [fs]")
    damping: Positive = Field(1.0, description="relaxation time of the Langevin thermostat [ps]")
    save_every: Positive = Field(1.0, description="time between saved frames [ps]")
    seed: Count = Field(1, description="base seed of velocities and thermostat noise")
    bond_tolerance: Positive = Field(
        1.0, description="a replica counts as lost when a bond is off its mean by more [Å]"
    )

    @model_validator(mode="after")
    def _who_can_run_an_ensemble(self) -> "Simulate":
        if self.member == "ensemble" and self.engine == "jax":
            raise ValueError("engine jax runs single models: use engine lammps or native for member ensemble")
        if self.spread_limit and (self.member, self.engine) != ("ensemble", "lammps"):
            raise ValueError("spread_limit needs member ensemble and engine lammps: nothing else sees the spread")
        return self


class Validate(Section):
    contact_cutoff: Positive = Field(8.0, description="two beads closer than this are in contact [Å]")
    contact_separation: Annotated[int, Field(ge=0)] = Field(3, description="contacts only beyond |i−j| of this")
    bins: Count = Field(60, description="bins of the distributions")
    bootstrap: Count = Field(500, description="bootstrap samples per interval of forces and mean forces")
    discard: Fraction = Field(0.2, description="share of each simulation left out as equilibration")


class Report(Section):
    title: str = Field("", description="headline of the report; empty takes the name of the run")


class Cluster(Section):
    nodes: Count = Field(1, description="nodes per training job, one process each")
    gpus_per_node: Annotated[int, Field(ge=0)] = Field(
        4, description="GPUs that each process drives; 0 trains on the CPU, on one node"
    )
    cpus_per_node: Count = Field(8, description="CPU cores of each process")
    fqdn_suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]*$")] = Field(
        "", description="appended to a bare host name of the coordinator, e.g. .juwels"
    )
    coordinator_port: Annotated[int, Field(ge=1024, le=64000)] = Field(
        29400, description="base port of the coordinator; job id % 1000 is added"
    )
    modules: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./+-]*$")], ...] = Field(
        (), description="environment modules that every job loads, in this order, e.g. [GCC/13.3.0, CUDA/12]"
    )

    @model_validator(mode="after")
    def _gpus_on_many_nodes(self) -> "Cluster":
        if self.nodes > 1 and self.gpus_per_node == 0:
            raise ValueError("nodes > 1 needs gpus_per_node ≥ 1: training on CPUs uses one node")
        return self


class Config(Section):
    """The whole ``config.yaml``."""

    run: Name = Field("default", description="name of the experiment; results go to results/<run>")
    proteins: str = Field("config/proteins.yaml", description="the file that lists the proteins")
    species: Species = Species()
    project: Project = Project()
    dataset: Dataset = Dataset()
    prior: Prior = Prior()
    model: Model = Model()
    training: Training = Training()
    ensemble: Ensemble = Ensemble()
    export: Export = Export()
    simulate: Simulate = Simulate()
    validate_: Validate = Field(Validate(), alias="validate")
    stability: Stability = Stability()
    report: Report = Report()
    cluster: Cluster = Cluster()

    @model_validator(mode="after")
    def _ensemble_of_several(self) -> "Config":
        if self.simulate.member == "ensemble" and len(self.ensemble.seeds) < 2:
            raise ValueError("simulate.member ensemble needs ensemble.enabled and ensemble.n_models of 2 or more")
        return self

    @property
    def members(self) -> tuple[str, ...]:
        """What to export: ``best``, each ``seed-N`` where all are to be saved, ``ensemble`` where it is simulated."""
        seeds = [f"seed-{seed}" for seed in self.ensemble.seeds if self.ensemble.save_all_models]
        return ("best", *seeds, *(["ensemble"] if self.simulate.member == "ensemble" else []))

    @property
    def results(self) -> str:
        """Where everything of this run goes."""
        return f"results/{self.run}"


class InDataset(Section):
    """What later stages than the projection make of a protein, whatever its source."""

    family: str = Field("", description="homologous family; proteins of one family are held out together")
    quota: Annotated[int, Field(ge=0)] = Field(
        0, description="at most so many of its frames in the dataset, spread evenly; 0 takes all"
    )
    weight: Positive = Field(
        1.0, description="weight of its frames in the training loss, relative to those of other proteins"
    )
    mean_force: DataPath = Field(
        "", description="NPZ of mean forces at fixed positions of its beads, a test set that is never trained on"
    )
    mean_force_train: DataPath = Field(
        "",
        description="NPZ of mean forces at other positions, to train on; each weighs as many single frames as average "
        "to its error",
    )
    native: DataPath = Field(
        "",
        description="PDB of the native structure, for RMSD and native contacts; empty takes the pdb that the protein "
        "is sampled from, else there are neither",
    )

"""A made-up all-atom molecule whose mean force is known exactly, though neither its motion nor its noise is Gaussian.

Beads of a chain have harmonic bonds, angles ½ κ (cos θ − c)² and dihedrals h (1 + cos(φ − γ)). On every bond (i, i+1)
two atoms f, the C of residue i and the N of the next, hang by springs whose stiffness grows with the bond, k_f(r) = k₀
exp(α (r − r₀)), at a point μ_f = a R_i + (1 − a) R_{i+1}; the first N and the last C hang on their own bead by springs
of k₀:

    U = U_chain(R) + Σ_f ½ k_f |x_f − μ_f(R)|².

With y = x − μ the atoms are Gaussian at fixed beads, ⟨y²⟩ = 3 kT/k_f, and integrating them out adds −kT ln k_f^{−3/2}
to the free energy: every satellite pulls its bond together with the constant force 3/2 kT α. So the mean force is that
of U_chain with bonds shortened by (3/2) m kT α / k, and bonds, angles and dihedrals of the beads are independent:
sampling is exact. The optimal force map puts a and 1 − a on the satellites: what it leaves is ½ ∇k_f (|y|² − 3
kT/k_f), of variance 3/2 (kT α)² along the bond for each satellite; the plain force on the bead has kT k_f a² per
component on top. In other words the free energy is U_chain − T S, exactly, with the satellites' entropy
S = −(3/2) m k_B α Σ r: the mean force is linear in T.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cgpipe.data.atoms import Atoms
from cgpipe.data.frames import Chunk
from cgpipe.units import thermal_energy

TEMPERATURE = 348.0
KT = thermal_energy(TEMPERATURE)
BEADS, SATELLITES = 6, 2
SHARE_OF_C, SHARE_OF_N = 0.67, 0.33
"""N, Cα and C are 1.3 Å apart, as atoms that are bonded can be."""
ASIDE = np.array([1.4, 0.0, 0.0])
"""Where the first N and the last C hang, seen from their bead: at the length of a bond. No force depends on it."""
BOND_K, BOND_R0 = 60.0, 3.95
ANGLE_K, ANGLE_C = 20.0, -0.1
DIHEDRAL_H, DIHEDRAL_GAMMA = 0.8, 1.0
SPRING_K0, ALPHA = 300.0, 4.0
FRAMES_PER_RUN = 250


def shortened(temperature: float) -> float:
    """Rest length of the bonds that the beads feel once the satellites are averaged over [Å]."""
    return BOND_R0 - 1.5 * SATELLITES * thermal_energy(temperature) * ALPHA / BOND_K


SHORTENED = shortened(TEMPERATURE)


@dataclass(frozen=True)
class Molecule:
    """Frames with exact positions, forces and mean forces; satisfies the protocol of a reader of frames."""

    R: np.ndarray
    F: np.ndarray
    mean: np.ndarray
    atoms: Atoms
    temperatures: tuple[float, ...] = (TEMPERATURE,)  # equally many frames at each, one after the other
    notes: tuple[str, ...] = ()
    trajectories: tuple[str, ...] = field(init=False)
    frames: tuple[np.ndarray, ...] = field(init=False)
    lengths: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        edges = range(0, len(self.R), FRAMES_PER_RUN)
        lengths = tuple(min(FRAMES_PER_RUN, len(self.R) - start) for start in edges)
        object.__setattr__(self, "lengths", lengths)
        object.__setattr__(self, "frames", tuple(np.arange(length) for length in lengths))
        object.__setattr__(self, "trajectories", tuple(f"{self.kelvin(run):g}/{run}" for run in range(len(lengths))))

    def kelvin(self, run: int) -> float:
        return self.temperatures[run * FRAMES_PER_RUN * len(self.temperatures) // len(self.R)]

    def where(self, trajectory: int) -> str:
        return self.trajectories[trajectory]

    def chunks(self) -> Iterator[Chunk]:
        for run, frames in enumerate(self.frames):
            rows = run * FRAMES_PER_RUN + frames
            R, F = (array[rows].astype(np.float32) for array in (self.R, self.F))
            yield Chunk(run, self.kelvin(run), frames, R, F)


def sample(frames: int, seed: int, temperature: float = TEMPERATURE) -> Molecule:
    """Independent frames from the exact ensemble at a temperature [K]."""
    random, kT = np.random.default_rng(seed), thermal_energy(temperature)
    beads = _chain(frames, random, temperature)
    vector = np.diff(beads, axis=1)
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    stiffness = SPRING_K0 * np.exp(ALPHA * (length - BOND_R0))
    R, F = np.zeros((frames, BEADS, 3, 3)), np.zeros((frames, BEADS, 3, 3))  # residue; N, Cα, C
    R[:, :, 1], F[:, :, 1] = beads, chain_forces(beads, BOND_R0)
    for column, share in ((2, SHARE_OF_C), (0, SHARE_OF_N)):
        k = np.concatenate([stiffness, np.full((frames, 1, 1), SPRING_K0)], axis=1)
        k = k if column == 2 else np.roll(k, 1, axis=1)
        y = random.normal(size=beads.shape) * np.sqrt(kT / k)
        R[:, :, column], F[:, :, column] = beads + ASIDE + y, -k * y
        bonds = slice(0, -1) if column == 2 else slice(1, None)  # residues whose atom sits on a bond
        R[:, bonds, column] = share * beads[:, :-1] + (1 - share) * beads[:, 1:] + y[:, bonds]
        end = -1 if column == 2 else 0
        F[:, end, 1] += (k * y)[:, end]
        tension = 0.5 * ALPHA * stiffness * np.sum(y[:, bonds] ** 2, axis=-1, keepdims=True) * vector / length
        F[:, :-1, 1] += share * (k * y)[:, bonds] + tension
        F[:, 1:, 1] += (1 - share) * (k * y)[:, bonds] - tension
    shape = (frames, 3 * BEADS, 3)
    mean = chain_forces(beads, shortened(temperature))
    return Molecule(R.reshape(shape), F.reshape(shape), mean, _atoms(), (temperature,))


def joined(molecules: Sequence[Molecule]) -> Molecule:
    """As many frames of each, whole runs of them, as one source."""
    R, F, mean = (np.concatenate([getattr(one, name) for one in molecules]) for name in ("R", "F", "mean"))
    return Molecule(R, F, mean, molecules[0].atoms, tuple(t for one in molecules for t in one.temperatures))


def noise_variance() -> float:
    """Of the optimal map, per component, mean over the beads [(kcal/mol/Å)²]."""
    bonds_per_bead = 2 * (BEADS - 1) / BEADS
    return bonds_per_bead * SATELLITES * 1.5 * (KT * ALPHA) ** 2 / 3


def averaged(configurations: int, samples: int, seed: int) -> tuple[Molecule, np.ndarray, np.ndarray]:
    """Configurations, the noise of a mean over so many samples of the rest, and the deviation of single samples.

    At fixed beads each satellite pulls along its bond with ½ α k y², and k y²/kT is χ² of three degrees of freedom.
    """
    random = np.random.default_rng((seed, samples))
    molecule = sample(configurations, seed + 1000)
    bonds = np.diff(molecule.R[:, 1::3], axis=1)
    unit = bonds / np.linalg.norm(bonds, axis=-1, keepdims=True)
    mean = random.chisquare(3 * SATELLITES * samples, (*unit.shape[:2], 1)) / samples
    pull = 0.5 * ALPHA * KT * (mean - 3 * SATELLITES) * unit
    noise, variance = np.zeros_like(molecule.mean), np.zeros_like(molecule.mean)
    for rows, sign in ((slice(None, -1), 1), (slice(1, None), -1)):
        noise[:, rows] += sign * pull
        variance[:, rows] += SATELLITES * 1.5 * (KT * ALPHA) ** 2 * unit**2
    return molecule, noise, np.sqrt(variance)


def chain_forces(beads: np.ndarray, r0: float) -> np.ndarray:
    """−∇U_chain by hand, term by term [kcal/mol/Å]; checked against differences in the tests."""
    u = np.diff(beads, axis=1)
    length = np.linalg.norm(u, axis=-1, keepdims=True)
    unit = u / length
    on_bond = -BOND_K * (length - r0) * unit  # dU/d(bond vector), with the sign of a force on its upper bead
    cosine = -np.sum(unit[:, :-1] * unit[:, 1:], axis=-1, keepdims=True)
    bend = ANGLE_K * (cosine - ANGLE_C)
    on_bond[:, :-1] += bend * (unit[:, 1:] + cosine * unit[:, :-1]) / length[:, :-1]
    on_bond[:, 1:] += bend * (unit[:, :-1] + cosine * unit[:, 1:]) / length[:, 1:]
    F = np.zeros_like(beads)
    F[:, 1:] += on_bond
    F[:, :-1] -= on_bond
    return F + _dihedral_forces(beads, u, length)


def chain_energy(beads: np.ndarray, r0: float) -> np.ndarray:
    """U_chain of every frame [kcal/mol]."""
    u = np.diff(beads, axis=1)
    length = np.linalg.norm(u, axis=-1)
    unit = u / length[..., None]
    cosine = -np.sum(unit[:, :-1] * unit[:, 1:], axis=-1)
    phi = _dihedrals(u)
    bonds = 0.5 * BOND_K * np.sum((length - r0) ** 2, axis=1)
    angles = 0.5 * ANGLE_K * np.sum((cosine - ANGLE_C) ** 2, axis=1)
    return bonds + angles + DIHEDRAL_H * np.sum(1 + np.cos(phi - DIHEDRAL_GAMMA), axis=1)


def _dihedrals(u: np.ndarray) -> np.ndarray:
    a, b, c = u[:, :-2], u[:, 1:-1], u[:, 2:]
    across = np.cross(b, c)
    return np.arctan2(
        np.linalg.norm(b, axis=-1) * np.sum(a * across, axis=-1), np.sum(np.cross(a, b) * across, axis=-1)
    )


def _dihedral_forces(beads: np.ndarray, u: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Blondel & Karplus, J. Comput. Chem. 17, 1132 (1996), eq. 27."""
    a, b, c = u[:, :-2], u[:, 1:-1], u[:, 2:]
    m, n, size = np.cross(a, b), np.cross(b, c), length[:, 1:-1]
    m2, n2 = (np.sum(v**2, axis=-1, keepdims=True) for v in (m, n))
    first, last = -size / m2 * m, size / n2 * n
    s = np.sum(a * b, axis=-1, keepdims=True) / size**2
    t = np.sum(c * b, axis=-1, keepdims=True) / size**2
    slope = DIHEDRAL_H * np.sin(_dihedrals(u) - DIHEDRAL_GAMMA)[..., None]  # −dU/dφ
    F = np.zeros_like(beads)
    F[:, :-3] += slope * first
    F[:, 1:-2] += slope * (-first - s * first + t * last)
    F[:, 2:-1] += slope * (-last + s * first - t * last)
    F[:, 3:] += slope * last
    return F


def _chain(frames: int, random: np.random.Generator, temperature: float) -> np.ndarray:
    """Beads from independent bond lengths, angles and dihedrals, each by its inverse distribution function."""
    kT, rest = thermal_energy(temperature), shortened(temperature)
    r = np.linspace(2.5, 5.5, 6001)
    bonds = _draw(r, r**2 * np.exp(-0.5 * BOND_K * (r - rest) ** 2 / kT), (frames, BEADS - 1), random)
    c = np.linspace(-0.999, 0.999, 6001)
    cosine = _draw(c, np.exp(-0.5 * ANGLE_K * (c - ANGLE_C) ** 2 / kT), (frames, BEADS - 2), random)
    p = np.linspace(-np.pi, np.pi, 6001)
    phi = _draw(p, np.exp(-DIHEDRAL_H * np.cos(p - DIHEDRAL_GAMMA) / kT), (frames, BEADS - 3), random)
    directions = np.zeros((frames, BEADS - 1, 3))
    directions[:, 0, 0] = 1.0
    sine = np.sqrt(1 - cosine**2)
    directions[:, 1] = np.stack([-cosine[:, 0], sine[:, 0], 0 * cosine[:, 0]], axis=1)
    for i in range(2, BEADS - 1):
        before, last = directions[:, i - 2], directions[:, i - 1]
        z = np.cross(before, last)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        x = np.cross(z, last)  # in the plane of both, away from the bead before
        turn = np.cos(phi[:, i - 2])[:, None] * x + np.sin(phi[:, i - 2])[:, None] * z
        directions[:, i] = -cosine[:, i - 1, None] * last + sine[:, i - 1, None] * turn
    steps = directions * bonds[..., None]
    beads = np.concatenate([np.zeros((frames, 1, 3)), np.cumsum(steps, axis=1)], axis=1)
    turned = beads @ _rotations(frames, random)
    return turned - turned.mean(axis=1, keepdims=True)


def _draw(x: np.ndarray, density: np.ndarray, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    below = np.cumsum(density)
    return np.interp(random.uniform(size=shape), below / below[-1], x + 0.5 * (x[1] - x[0]))


def _rotations(frames: int, random: np.random.Generator) -> np.ndarray:
    """Uniform proper rotations (QR of Gaussian matrices)."""
    q, r = np.linalg.qr(random.normal(size=(frames, 3, 3)))
    q *= np.sign(np.einsum("fii->fi", r))[:, None, :]
    q[:, :, 0] *= np.linalg.det(q)[:, None]
    return q


def _atoms() -> Atoms:
    """Glycines of N, Cα and C, bonded like a peptide."""
    atoms = 3 * BEADS
    return Atoms(
        name=("N", "CA", "C") * BEADS,
        atomic_number=np.tile([7, 6, 6], BEADS),
        residue_name=("GLY",) * atoms,
        residue=np.repeat(np.arange(BEADS), 3) + 1,
        chain=("A",) * atoms,
        bonds=np.stack([np.arange(atoms - 1), np.arange(1, atoms)], axis=1),
    )

"""nequip-allegro as a child process, in an interpreter of its own that has torch; cgpipe is not imported here.

Reads one JSON command per line and answers with one JSON line:

    {"do": "build", "model": {…}}              arguments of ``allegro.model.AllegroModel``; answers name → shape
    {"do": "weights", "file": "w.npz"}         set parameters by name
    {"do": "frames", "file": "f.npz"}          R [frames, beads, 3] in Å, species [beads], cutoff in Å
    {"do": "signs", "l_max": 2, "directions": […]}   of the 3j symbols, contracted with harmonics of three directions
    {"do": "evaluate", "file": "out.npz"}      writes energies [frames] and forces [frames, beads, 3]
    {"do": "time", "what": "training", "least": 0.5}   seconds per training step, or "inference", of all frames: one
                                               after the other for at least so many seconds
"""

import itertools
import json
import sys
import time
from typing import Any

import numpy as np
import torch
from allegro.model import AllegroModel
from e3nn import o3
from nequip.utils.global_state import set_global_state


class Peer:
    """The model and the frames it is asked about."""

    def build(self, model: dict[str, Any]) -> dict[str, Any]:
        torch.manual_seed(0)
        self.model = AllegroModel(seed=0, **model)
        return {"parameters": {name: list(p.shape) for name, p in self.model.named_parameters()}}

    def weights(self, file: str) -> dict[str, Any]:
        with np.load(file) as arrays, torch.no_grad():
            parameters = dict(self.model.named_parameters())
            if set(arrays) != set(parameters):
                raise KeyError(f"parameters {sorted(set(arrays) ^ set(parameters))} are only on one side")
            for name, parameter in parameters.items():
                parameter.copy_(torch.as_tensor(arrays[name]))
        return {}

    def frames(self, file: str) -> dict[str, Any]:
        with np.load(file) as arrays:
            R, species, cutoff = (arrays[name] for name in ("R", "species", "cutoff"))
        frames, beads, _ = R.shape
        distance = np.linalg.norm(R[:, :, None] - R[:, None], axis=-1) + np.diag(np.full(beads, np.inf))
        frame, i, j = np.nonzero(distance < cutoff)
        self.shape = R.shape
        self.data = {
            "pos": torch.as_tensor(R.reshape(-1, 3).astype(np.float64)),
            "edge_index": torch.as_tensor(np.stack([i, j]) + frame * beads),
            "atom_types": torch.as_tensor(np.tile(species, frames)),
            "batch": torch.arange(frames).repeat_interleave(beads),
            "num_atoms": torch.full((frames,), beads),
        }
        return {"edges": len(frame)}

    def signs(self, l_max: int, directions: list[list[float]]) -> dict[str, Any]:
        u = torch.tensor(directions, dtype=torch.float64)
        harmonics = [o3.spherical_harmonics(order, u, normalize=True) for order in range(l_max + 1)]
        signs = {}
        for a, b, c in itertools.product(range(l_max + 1), repeat=3):
            if abs(a - b) <= c <= a + b:
                factors = harmonics[a][0], harmonics[b][1], harmonics[c][2]
                symbol = o3.wigner_3j(a, b, c, dtype=torch.float64)
                signs[f"{a}{b}{c}"] = float(torch.sign(torch.einsum("ijk,i,j,k", symbol, *factors)))
        return {"signs": signs}

    def evaluate(self, file: str) -> dict[str, Any]:
        self.model.eval()
        out = self.model(dict(self.data))
        energies = out["total_energy"].detach().numpy().ravel()
        np.savez(file, energies=energies, forces=out["forces"].detach().numpy().reshape(self.shape))
        return {}

    def time(self, what: str, least: float) -> dict[str, Any]:
        self.model.train(what == "training")
        self._call(what)
        cpu, wall, calls = time.process_time(), time.perf_counter(), 0
        while not calls or time.perf_counter() - wall < least:
            self._call(what)
            calls += 1
        return {"cpu": (time.process_time() - cpu) / calls, "wall": (time.perf_counter() - wall) / calls}

    def _call(self, what: str) -> None:
        out = self.model(dict(self.data))
        if what == "training":
            self.model.zero_grad()
            torch.mean(out["forces"] ** 2).backward()


def main() -> None:
    """Serve until the input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    torch.set_num_threads(int(sys.argv[1]))
    set_global_state()
    peer = Peer()
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(peer, command.pop("do"))(**command)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

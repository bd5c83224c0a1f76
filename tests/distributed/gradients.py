"""The gradient of one training step, over all processes of a Slurm step or in one process with one device.

Usage: gradients.py NODES FILE; the first process writes the file (NPZ, one array per leaf).
"""

import sys

import equinox as eqx
import jax
import numpy as np
import optax
from model_toys import toy_potential
from training_toys import toy_frames

from cgpipe.training.devices import data_mesh, local_part, on_devices, replicated
from cgpipe.training.distributed import Cluster, is_writer, join
from cgpipe.training.feed import Feed
from cgpipe.training.optimisers import trainable
from cgpipe.training.step import initial_state, make_step

FRAMES = 16

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
nodes = int(sys.argv[1])
join(Cluster(nodes, 4))
mesh = data_mesh(jax.devices() if nodes > 1 else jax.devices()[:1])
potential = toy_potential()
parameters, fixed = eqx.partition(potential, trainable(potential, True))
keep = optax.trace(decay=0.0)  # its state is the last gradient
state = jax.device_put(initial_state(parameters, keep), replicated(mesh))
own, _ = Feed([toy_frames(FRAMES, 8, noise=0.5)], FRAMES, seed=0).at(0, local_part(mesh, FRAMES))
after = make_step(fixed, keep, 1.0, 0.0, mesh)(state, on_devices(own, mesh))
leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(after.optimiser)]
if is_writer():
    np.savez(sys.argv[2], *leaves)

"""All-atom trajectories, beads, species, splits and padded datasets."""

"""Loss, optimisers, data feeding, checkpoints and the training loop."""

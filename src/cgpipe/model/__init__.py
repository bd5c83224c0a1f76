"""Allegro and the potential that joins it with the prior."""

"""Exported models: StableHLO programs, their parity check, and the sources of the pair style that runs them."""

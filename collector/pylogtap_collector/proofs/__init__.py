"""Proofs of what is promised, on the machine they run on: real programs, real faults, an oracle."""

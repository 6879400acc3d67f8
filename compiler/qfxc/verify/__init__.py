"""Proofs by running: C-simulation with g++, lints over generated sources, RTL simulation."""

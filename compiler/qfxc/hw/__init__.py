"""Boards, the plan (folds under a budget) and the netlist (instances, streams, forks, FIFOs)."""

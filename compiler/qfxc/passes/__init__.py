"""Passes: each a frozen dataclass whose fields are its options; the order is in pipeline.py."""

"""Constant matrix-vector products as shared shift-and-add networks (docs/decisions/0010)."""

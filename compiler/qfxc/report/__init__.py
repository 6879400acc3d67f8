"""The report: its data, its files, and what the terminal shows."""

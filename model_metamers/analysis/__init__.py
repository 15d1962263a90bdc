"""What is computed from a finished run: layer grids, fidelity, tables and claims."""

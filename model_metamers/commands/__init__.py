"""What the command line does, one module per command that needs more than a few lines."""

"""Training of networks: data streams, tasks and the loop."""

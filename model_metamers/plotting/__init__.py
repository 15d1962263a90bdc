"""Figures from tables: DataFrames and images in, matplotlib figures out, no TensorFlow."""

"""Networks: Keras graphs with the paper's layer names, and the catalogue of them."""

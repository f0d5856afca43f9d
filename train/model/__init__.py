"""The network: its layers, and weights that training starts from."""

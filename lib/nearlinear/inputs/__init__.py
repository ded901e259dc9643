"""Where text and models come in: the only folder that touches the network."""

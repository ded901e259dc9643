"""One plain training loop, the text that it reads, and the models that it makes."""

"""Blocks with parts taken out (arXiv 2311.01906), one class each, and the Hugging Face models around them."""

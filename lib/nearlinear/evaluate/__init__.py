"""Evaluating: what a model still knows after it was changed, as perplexity and as answers to questions."""

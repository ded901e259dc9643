"""Measuring: the residual stream, its second moments, and the linearity scores they give."""

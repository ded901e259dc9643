"""Editing: blocks removed, replaced and distilled, inside `with` blocks that put everything back."""

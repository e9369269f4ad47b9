"""A package with handlers."""

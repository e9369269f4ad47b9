"""A finished build as a container image, written without a container engine."""

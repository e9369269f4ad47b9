"""Builds inside a container: the engine, the build image, and the same command run in it."""

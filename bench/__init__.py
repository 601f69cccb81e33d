"""Measurements against a baseline of the same run: docs/benchmarks.md."""

"""Metrics: per-sample numbers for reports, one formula a file."""

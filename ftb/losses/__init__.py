"""Losses: how far a `Prediction` is from its `Pair`, one term a file."""

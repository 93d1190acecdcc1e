"""Networks: a photograph in, a `Prediction` out."""

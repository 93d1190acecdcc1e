"""What a training run is made of: optimisation, processes, validation, reporting."""

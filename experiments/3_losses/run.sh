python3 -m experiments.study experiments/3_losses "$@"

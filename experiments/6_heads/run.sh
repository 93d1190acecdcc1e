python3 -m experiments.study experiments/6_heads "$@"

python3 -m experiments.study experiments/1_direct_vs_physics "$@"

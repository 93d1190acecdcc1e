python3 -m experiments.study experiments/5_stored_vs_online "$@"

python3 -m experiments.study experiments/7_parts "$@"

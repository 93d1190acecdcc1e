python3 -m experiments.study experiments/8_landmarks "$@"

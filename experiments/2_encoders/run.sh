python3 -m experiments.study experiments/2_encoders "$@"

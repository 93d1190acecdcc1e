python3 -m experiments.study experiments/4_pix2pix "$@"

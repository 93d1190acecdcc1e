exec sh "$(dirname "$0")/../study.sh" experiments/1_direct_vs_physics "$@"

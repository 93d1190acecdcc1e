exec sh "$(dirname "$0")/../study.sh" experiments/5_stored_vs_online "$@"

exec sh "$(dirname "$0")/../study.sh" experiments/8_landmarks "$@"

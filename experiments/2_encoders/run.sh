exec sh "$(dirname "$0")/../study.sh" experiments/2_encoders "$@"

# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it: one line per step, its output in a file, and on
# failure the end of that file and a hint. A step's name is there while it runs.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/petiole
logs=$root/.cache/log
mkdir -p "$logs"
trap 'echo; exit 130' INT

fail() { # what went wrong, what to do
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    [ -z "${2:-}" ] || printf '  hint: %s\n' "$2" >&2
    exit 1
}

# step NAME HINT COMMAND… - the command must report a failure by its status: set -e is
# without effect in a function that is called here.
step() {
    local name=$1 hint=$2 log=$logs/${1//[^a-zA-Z0-9]/-}.log begun=$SECONDS
    shift 2
    printf '%-44s ' "$name"
    if "$@" >"$log" 2>&1; then
        printf 'ok  %4d s\n' $((SECONDS - begun))
        return 0
    fi
    printf 'FAILED after %d s\n' $((SECONDS - begun))
    tail -n 25 "$log" | sed 's/^/    /' >&2
    fail "stopped at '$name'; its whole output is in ${log#"$root"/}" "$hint"
}

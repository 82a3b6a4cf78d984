# SPDX-License-Identifier: Apache-2.0
# Sourced by assets-model and assets-vocabulary: a pip, which a fresh Debian has only
# inside virtual environments. Needs $work, a temporary directory.

pip() {
    for python in "$(dirname "$0")/../.cache/python-new/bin/python" python3; do
        if "$python" -m pip --version >/dev/null 2>&1; then
            "$python" -m pip --disable-pip-version-check --no-input "$@"
            return
        fi
    done
    [ -e "$work/venv" ] || python3 -m venv "$work/venv" || return 1
    "$work/venv/bin/pip" --disable-pip-version-check --no-input "$@"
}

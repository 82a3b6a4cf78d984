#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The worker exports the functions of the public header, each of them, and no others.
#     exported.sh HEADER PETIOLE
# Names with an @ are the C library's own variables, copied into every executable.
set -eu
declared=$(grep -o 'ptl_[a-z0-9_]*(ptl_\|ptl_[a-z0-9_]*(const ptl_' "$1" | sed 's/(.*//' | sort -u)
exported=$(nm -D --defined-only "$2" | awk '{ print $3 }' | grep -v '@' | sort -u)
test -n "$declared"
test "$declared" = "$exported" || {
    echo "declared:" $declared
    echo "exported:" $exported
    exit 1
}

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The examples in C of each page compile as they stand there.
#     examples_compile.sh FOLDER-OF-HEADERS PAGE...
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
headers=$1
shift
for page; do
    awk -f "$(dirname "$0")/examples.awk" "$page" >"$folder/examples.c"
    grep -q 'ptl_value \*' "$folder/examples.c" # there are some
    ${CC:-cc} -std=c99 -Wall -Wextra -Werror -Wno-unused-variable -fPIC -I "$headers" \
        -c -o "$folder/examples.o" "$folder/examples.c"
done

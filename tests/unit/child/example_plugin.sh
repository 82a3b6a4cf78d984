#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds examples/plugin as its README says, in a folder of its own, and runs its task.
#     example_plugin.sh SOURCE PKG_CONFIG_FOLDER PETIOLE
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$1"/hello.c "$1"/Makefile "$folder"
cd "$folder"
PKG_CONFIG_PATH=$2 make -s

said=$("$3" run ./hello.so hello.greet Ada)
test "$said" = '"Hello, Ada!"'
said=$(PETIOLE_PLUGIN_PATH=$folder "$3" run hello hello.greet name=Ada greeting=Hej)
test "$said" = '"Hej, Ada!"'

# One symbol is exported, whatever the plugin holds.
exported=$(nm -D --defined-only hello.so | awk '{ print $3 }')
test "$exported" = ptl_module_v1

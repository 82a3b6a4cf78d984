#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# protocol/ turns bytes into values and back, and nothing else: it includes nothing of the
# worker, keeps nothing between two calls, and asks the system for memory alone.
#
#     pure.sh FOLDER LIBRARY
set -eu
folder=$1 library=$2 impure=0

if grep -n '#include "\.\./' "$folder"/*.[ch]; then
    echo 'pure: these include something from outside'
    impure=1
fi

# A sanitizer or coverage brings variables and calls of its own.
if nm "$library" 2>/dev/null | grep -qE '__asan|__ubsan|__gcov|__sanitizer'; then
    exit $impure
fi

kept=$(size -A "$library" 2>/dev/null | awk '$1 ~ /^\.t?(data|bss)$/ && $2 > 0')
if [ -n "$kept" ]; then
    size -A "$library" | awk '/:$/ { file = $1 } $1 ~ /^\.t?(data|bss)$/ && $2 > 0 { print file, $0 }'
    echo 'pure: these keep variables between two calls'
    impure=1
fi

asked=$(nm -u "$library" 2>/dev/null | awk '$1 == "U" { print $2 }' | sort -u | grep -xE \
    '(socket|connect|send|recv|read|write|open(64)?|fopen(64)?|close|ioctl|poll|select|fork|exec.*|kill|signal|sigaction|getpid|getenv|time|clock.*|gettimeofday|sleep|usleep|nanosleep|rand.*|random|getrandom|printf|puts|putchar|perror|syslog|exit|_exit|dlopen|pthread_.*)' || true)
if [ -n "$asked" ]; then
    echo "$asked"
    echo 'pure: these ask the system for more than memory'
    impure=1
fi
exit $impure

// SPDX-License-Identifier: Apache-2.0
// The same plugin in C++17.
#include "header.c"

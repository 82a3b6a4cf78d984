/* SPDX-License-Identifier: Apache-2.0 */
/* alone - each header compiles without another before it. */
#include HEADER

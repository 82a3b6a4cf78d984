/* SPDX-License-Identifier: Apache-2.0 */
/* backtrace - on SIGUSR2 a child writes to standard error where it is.
 *
 * The parent sends it when it gets SIGUSR1 itself. A child's SIGUSR1 is its soft time
 * limit. */
#ifndef PETIOLE_BACKTRACE_H
#define PETIOLE_BACKTRACE_H

void backtrace_install(void);

#endif

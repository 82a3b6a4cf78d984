/* SPDX-License-Identifier: Apache-2.0 */
/* report - what a bug report needs: versions, platform, settings. `petiole report`, and
 * the reply to the remote control's report. */
#ifndef PETIOLE_REPORT_H
#define PETIOLE_REPORT_H

#include "../protocol/buf.h"

struct config;

/* In the form of celery's report, line for line. w->bad without memory. */
void report_write(struct wr *w, const struct config *c);

#endif

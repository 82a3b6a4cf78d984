/* SPDX-License-Identifier: Apache-2.0 */
/* metric_check - is what a handler counts a metric as Prometheus has them? */
#ifndef PETIOLE_METRIC_CHECK_H
#define PETIOLE_METRIC_CHECK_H

#include "../../protocol/buf.h"
#include "../pool/frame.h"

#define METRIC_LABELS_BYTES 2048u

/* Its name, which is none of the worker's own, its labels, its numbers. */
bool metric_is_valid(const struct frame_metric *f);
bool metric_name_ends(struct str name, const char *with);
/* The names of valid labels, each with the value "other". */
void metric_put_others(struct wr *out, struct str labels);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker itself stores, a lost child or a revocation, written as its children
 * write theirs. */
#include "../worker.h"

bool worker_encode_result(struct worker *w, struct wr *meta)
{
    const struct serializers_result how = {config_serializer(
                                               w->config->result_serializer),
                                           w->config->result_compression};
    struct wr anew;

    if (serializers_keeps_json(&how))
        return true;
    wr_init(&anew, meta->max);
    bool ok = serializers_store(&w->serializers, &how, wr_str(meta), &anew);
    wr_finish(meta);
    *meta = anew;
    return ok;
}

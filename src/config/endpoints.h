/* SPDX-License-Identifier: Apache-2.0 */
/* endpoints - the settings about connections, put together: broker and result backend.
 *
 * kombu takes them from broker_url, broker_use_ssl and broker_transport_options,
 * celery.backends.redis from result_backend, the redis_* settings and
 * result_backend_transport_options; in a URL's query each can be said, too, and that
 * wins. */
#ifndef PETIOLE_CONFIG_ENDPOINTS_H
#define PETIOLE_CONFIG_ENDPOINTS_H

#include "../config.h"

struct json_object;

/* c->broker, c->backend and c->has_backend. */
int config_derive_endpoints(struct config *c, struct error *e);

/* Checks of rows. */
int config_check_use_ssl(struct json_object *value, struct error *e);
int config_check_sentinel_kwargs(struct json_object *value, struct error *e);
int config_check_keepalive_options(struct json_object *value, struct error *e);
int config_check_retry_policy(struct json_object *value, struct error *e);
int config_check_endless(struct json_object *value, struct error *e);
int config_refuse_credential_provider(struct json_object *value, struct error *e);

#endif

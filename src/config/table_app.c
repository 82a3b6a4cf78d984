/* SPDX-License-Identifier: Apache-2.0 */
/* Settings whose names have no prefix. */
#include "table.h"

/* clang-format off */
ROWS(app,
    {.key = "app", .letter = 'A', .option = "app", .metavar = "PLUGIN,...",
     .env = "CELERY_APP", .type = CONFIG_TEXT, .offset = AT(plugins),
     .help = "plugins to load: names, or paths of shared objects"},
    {.key = "accept_content", .type = CONFIG_TEXT, .offset = AT(accept_content),
     .default_text = "json",
     .help = "content types that are decoded"},
);
/* clang-format on */

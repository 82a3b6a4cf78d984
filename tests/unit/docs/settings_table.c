/* SPDX-License-Identifier: Apache-2.0 */
/* settings_table - prints the worker's settings as the table of docs/settings.md. */
#include "config.h"

#include <stdio.h>

static void print_code(const char *text)
{
    if (text)
        printf(" `%s` |", text);
    else
        printf("  |");
}

static void print_option(const struct config_option *o)
{
    if (!o->option)
        printf("  |");
    else if (o->letter)
        printf(" `-%c`, `--%s` |", o->letter, o->option);
    else
        printf(" `--%s` |", o->option);
}

static void print_values(const struct config_option *o)
{
    switch (o->type) {
    case CONFIG_TEXT:
        printf(" text |");
        return;
    case CONFIG_INT:
        if (o->max == INT64_MAX)
            printf(" from %lld |", (long long)o->min);
        else
            printf(" %lld to %lld |", (long long)o->min, (long long)o->max);
        return;
    case CONFIG_BYTES:
        printf(" bytes, %lld to %lld |", (long long)o->min, (long long)o->max);
        return;
    case CONFIG_SECONDS:
        printf(" seconds |");
        return;
    case CONFIG_BOOL:
        printf(" true or false |");
        return;
    case CONFIG_LEVEL:
        printf(" a level |");
        return;
    }
}

int main(void)
{
    printf("| Setting | Option | Environment | Default | Values | Meaning |\n");
    printf("|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < config_noptions; i++) {
        const struct config_option *o = &config_options[i];
        printf("|");
        print_code(o->key);
        print_option(o);
        print_code(o->env);
        print_code(o->default_text);
        print_values(o);
        printf(" %s |\n", o->help);
    }
    return 0;
}

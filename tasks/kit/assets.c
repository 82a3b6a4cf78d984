/* SPDX-License-Identifier: Apache-2.0 */
/* petiole-assets - turns published models and vocabularies into the files that the
 * plugins map. One row per kind. */
#include "embedding/prepack.h"
#include "tokens/prepare.h"

#include <stdio.h>
#include <string.h>

struct converter {
    const char *name, *operands;
    int n; /* operands */
    int (*run)(char **operands, char *why, size_t why_size);
};

static int convert_model(char **operands, char *why, size_t why_size)
{
    return prepack_model(operands[0], operands[1], operands[2], why, why_size);
}

static int convert_vocabulary(char **operands, char *why, size_t why_size)
{
    return vocabulary_prepare(operands[0], operands[1], why, why_size);
}

static const struct converter converters[] = {
    {"model", "SAFETENSORS VOCAB_OR_TOKENIZER_JSON OUT", 3, convert_model},
    {"vocabulary", "TIKTOKEN_FILE OUT", 2, convert_vocabulary},
};

enum { CONVERTERS = sizeof(converters) / sizeof(converters[0]) };

static int usage(void)
{
    for (int i = 0; i < CONVERTERS; i++)
        fprintf(stderr, "%s petiole-assets %s %s\n", i == 0 ? "usage:" : "      ",
                converters[i].name, converters[i].operands);
    return 2;
}

int main(int argc, char **argv)
{
    for (int i = 0; argc >= 2 && i < CONVERTERS; i++) {
        const struct converter *c = &converters[i];
        if (strcmp(argv[1], c->name) != 0 || argc != 2 + c->n)
            continue;
        char why[512];
        if (c->run(argv + 2, why, sizeof(why)) == 0)
            return 0;
        fprintf(stderr, "petiole-assets: %s\n", why);
        return 1;
    }
    return usage();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_value - what PyYAML's safe_load reads and safe_dump writes, which is what kombu
 * calls. Stands on libyaml; built into a module of its own, which is loaded when it is
 * needed.
 *
 * Plain scalars are what YAML 1.1 makes of them, as in Python: `yes` is a bool, 017 is
 * 15, 2030-01-02 a date. Dates and times become typed values (typed.h), !!binary
 * becomes bytes. Map keys must be text. Refused, where safe_load would go on: merge
 * keys, !!set, !!omap and !!pairs, integers beyond 64 bits that are not decimal. kombu
 * writes none of them.
 *
 * Depth and number of values are bounded as for JSON; what an alias stands for counts
 * each time, so that a few lines cannot mean millions of values. */
#ifndef PROTOCOL_YAML_VALUE_H
#define PROTOCOL_YAML_VALUE_H

#include "serializer.h"

const ptl_value *yaml_read(struct arena *a, struct str bytes,
                           struct serializer_error *e);
/* As safe_dump: block style, sorted keys, ASCII. False for what it refuses, a Decimal,
 * a UUID or a time, or if w is bad. */
bool yaml_write(struct wr *w, const ptl_value *v);

extern const struct serializer serializer_yaml;

/* ---- Scalars ------------------------------------------------------------------ */

enum yaml_kind {
    YAML_STR,
    YAML_NULL,
    YAML_BOOL,
    YAML_INT,
    YAML_FLOAT,
    YAML_TIMESTAMP,
    YAML_BINARY,
    YAML_OTHER, /* a tag that is not known here, a merge key, "=" */
};

/* What a plain scalar is by its looks, and what one is by its tag. */
enum yaml_kind yaml_kind_of(struct str plain);
enum yaml_kind yaml_kind_tagged(const char *tag);
/* NULL if the text is none of the kind, or the arena is full. */
const ptl_value *yaml_scalar(struct arena *a, enum yaml_kind kind, struct str text);

#endif

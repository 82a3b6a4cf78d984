/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a request concerns, as kombu's Node.handle_message decides it. */
#include "control.h"

#include "../glob.h"
#include "../pattern.h"

/* A text is searched for the name, as Python's `in` does. */
static bool names(const ptl_value *destination, struct str hostname)
{
    struct str text = value_as_str(destination);
    for (size_t i = 0; i < value_len(destination); i++)
        if (str_eq(value_as_str(value_at(destination, i)), hostname))
            return true;
    return text.p && memmem(text.p, text.n, hostname.p, hostname.n);
}

static enum control_concern matches_regex(struct arena *a, struct str expression,
                                          const char *hostname, const char **why)
{
    struct str text = arena_copy(a, expression); /* with a NUL */
    struct pattern *p = text.p ? pattern_read_regex(a, text.p, why) : NULL;
    if (!text.p)
        *why = "no memory for the pattern";
    if (!p)
        return CONTROL_BAD;
    bool found = pattern_matches(p, hostname);
    pattern_finish(p);
    return found ? CONTROL_US : CONTROL_OTHERS;
}

static enum control_concern matches(struct arena *a, const ptl_value *pattern,
                                    const ptl_value *matcher, const char *hostname,
                                    const char **why)
{
    struct str text = value_as_str(pattern), how = value_as_str(matcher);
    if (!text.p || !how.p)
        *why = "pattern and matcher must be texts";
    else if (text.n > CONTROL_PATTERN_MAX)
        *why = "the pattern is too long";
    else if (str_is(how, "glob"))
        return glob_matches(text, str_of(hostname)) ? CONTROL_US : CONTROL_OTHERS;
    else if (str_is(how, "pcre"))
        return matches_regex(a, text, hostname, why);
    else
        *why = "no matcher is installed for it but glob and pcre";
    return CONTROL_BAD;
}

enum control_concern control_concerns(struct arena *a, const ptl_value *request,
                                      const char *hostname, const char **why)
{
    const ptl_value *destination = value_get(request, "destination");
    const ptl_value *pattern = value_get(request, "pattern");
    const ptl_value *matcher = value_get(request, "matcher");
    ptl_kind kind = value_kind(destination);
    if (value_truth(destination)) {
        if (kind == PTL_LIST || kind == PTL_STR)
            return names(destination, str_of(hostname)) ? CONTROL_US : CONTROL_OTHERS;
        *why = "destination must be a list of nodes";
        return CONTROL_BAD;
    }
    if (value_truth(pattern) && value_truth(matcher))
        return matches(a, pattern, matcher, hostname, why);
    return CONTROL_US;
}

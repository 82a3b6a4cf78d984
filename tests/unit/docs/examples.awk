# SPDX-License-Identifier: Apache-2.0
# One C source of all ```c examples of a page: a whole file as it is, rows into a table,
# statements into a function of their own with what the text around them takes for granted.
#     awk -f examples.awk docs/handlers.md >examples.c
BEGIN { print "#include <petiole/task.h>" }
/^```c$/ { inside = 1; block = ""; next }
/^```$/ && inside { inside = 0; emit(block); next }
inside { block = block $0 "\n" }

function emit(text)
{
    examples++
    if (text ~ /#include/) {
        print text
    } else if (text ~ /^{/) {
        printf "static ptl_value *fetch(ptl_task *t) { return ptl_ignore(t); }\n"
        printf "const ptl_def rows_%d[] = {\n%s};\n", examples, text
    } else {
        printf "ptl_value *example_%d(ptl_task *t, int64_t i, int64_t n);\n", examples
        printf "ptl_value *example_%d(ptl_task *t, int64_t i, int64_t n)\n", examples
        printf "{\n    (void)i, (void)n;\n%s", text
        print (text ~ /^return/ ? "" : "    return NULL;\n") "}"
    }
}

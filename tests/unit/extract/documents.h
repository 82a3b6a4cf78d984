/* SPDX-License-Identifier: Apache-2.0 */
/* documents - files for the tests, made in memory: each call returns a descriptor. */
#ifndef TEST_DOCUMENTS_H
#define TEST_DOCUMENTS_H

#include <stddef.h>

int document_of(const void *bytes, size_t n);
int document_of_string(const char *text);
int document_of_size(size_t n); /* sparse: all zero bytes */

/* A PDF with a line of text, or an empty string, on each page. */
int pdf_of_pages(const char *const *lines, size_t n);

/* One page that draws a form ten times, which draws another ten times …: 10^levels
 * lines of text from two thousand bytes. With an empty line, all work and no text. */
int pdf_of_nested_forms(int levels, const char *line);

#endif

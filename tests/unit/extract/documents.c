/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int document_of(const void *bytes, size_t n)
{
    int fd = memfd_create("document", MFD_CLOEXEC);

    assert(fd >= 0);
    assert(write(fd, bytes, n) == (ssize_t)n);
    return fd;
}

int document_of_string(const char *text)
{
    return document_of(text, strlen(text));
}

int document_of_size(size_t n)
{
    int fd = memfd_create("document", MFD_CLOEXEC);

    assert(fd >= 0 && ftruncate(fd, (off_t)n) == 0);
    return fd;
}

/* A PDF being written: objects in order, then the table of where they stand. */
struct pdf {
    FILE *file;
    char *bytes;
    size_t len;
    long offsets[256];
    int objects;
};

static void pdf_begin(struct pdf *p)
{
    *p = (struct pdf){0};
    p->file = open_memstream(&p->bytes, &p->len);
    fputs("%PDF-1.4\n", p->file);
}

/* Appends the next object; the first has number 1. */
static void __attribute__((format(printf, 2, 3)))
pdf_object(struct pdf *p, const char *fmt, ...)
{
    va_list args;

    assert(p->objects < 255);
    p->offsets[++p->objects] = ftell(p->file);
    fprintf(p->file, "%d 0 obj\n", p->objects);
    va_start(args, fmt);
    vfprintf(p->file, fmt, args);
    va_end(args);
    fputs("\nendobj\n", p->file);
}

static void pdf_stream(struct pdf *p, const char *dictionary, const char *content)
{
    pdf_object(p, "<<%s /Length %zu>>\nstream\n%s\nendstream", dictionary,
               strlen(content), content);
}

static int pdf_end(struct pdf *p)
{
    long table = ftell(p->file);
    int fd;

    fprintf(p->file, "xref\n0 %d\n0000000000 65535 f \n", p->objects + 1);
    for (int i = 1; i <= p->objects; i++)
        fprintf(p->file, "%010ld 00000 n \n", p->offsets[i]);
    fprintf(p->file, "trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%ld\n%%%%EOF\n",
            p->objects + 1, table);
    fclose(p->file);
    fd = document_of(p->bytes, p->len);
    free(p->bytes);
    return fd;
}

static void pdf_catalog(struct pdf *p, size_t pages)
{
    char kids[2048] = "";
    size_t len = 0;

    for (size_t i = 0; i < pages; i++)
        len += (size_t)snprintf(kids + len, sizeof kids - len, "%zu 0 R ", 4 + 2 * i);
    pdf_object(p, "<</Type/Catalog /Pages 2 0 R>>");
    pdf_object(p, "<</Type/Pages /Count %zu /Kids[%s]>>", pages, kids);
    pdf_object(p, "<</Type/Font /Subtype/Type1 /BaseFont/Helvetica>>");
}

/* `kind` of resource ("Font"), its name in the content, and its object's number. */
static void pdf_page(struct pdf *p, long height, int content, const char *kind,
                     const char *name, int number)
{
    pdf_object(p,
               "<</Type/Page /Parent 2 0 R /MediaBox[0 0 612 %ld] /Contents %d 0 R "
               "/Resources<</%s<</%s %d 0 R>>>>>>",
               height, content, kind, name, number);
}

static void line_of_text(char *content, size_t size, const char *line)
{
    content[0] = '\0';
    if (*line)
        snprintf(content, size, "BT /F 12 Tf 72 20 Td (%s) Tj ET", line);
}

int pdf_of_pages(const char *const *lines, size_t n)
{
    struct pdf p;
    char content[512];

    pdf_begin(&p);
    pdf_catalog(&p, n);
    for (size_t i = 0; i < n; i++) {
        pdf_object(
            &p,
            "<</Type/Page /Parent 2 0 R /MediaBox[0 0 612 792] /Contents %zu 0 R "
            "/Resources<</Font<</F 3 0 R>>>>>>",
            5 + 2 * i);
        line_of_text(content, sizeof content, lines[i]);
        pdf_stream(&p, "", content);
    }
    return pdf_end(&p);
}

/* Ten times the object X, each `step` below the last. */
static void ten_forms(char *content, size_t size, long step)
{
    size_t len = 0;

    for (int i = 0; i < 10; i++)
        len += (size_t)snprintf(content + len, size - len, "/X Do 1 0 0 1 0 %ld cm ",
                                -step);
}

int pdf_of_nested_forms(int levels, const char *line)
{
    struct pdf p;
    char content[512], dictionary[200];
    long height = 20;

    for (int i = 0; i < levels; i++)
        height *= 10;
    pdf_begin(&p);
    pdf_catalog(&p, 1);
    pdf_page(&p, height, 5, "XObject", "X", 6);
    snprintf(content, sizeof content, "1 0 0 1 0 %ld cm /X Do", height);
    pdf_stream(&p, "", content);
    for (int i = 0; i < levels; i++) {
        height /= 10;
        ten_forms(content, sizeof content, height);
        snprintf(dictionary, sizeof dictionary,
                 "/Type/XObject /Subtype/Form /BBox[0 -2000000000 612 2000000000] "
                 "/Resources<</XObject<</X %d 0 R>>>>",
                 7 + i);
        pdf_stream(&p, dictionary, content);
    }
    line_of_text(content, sizeof content, line);
    pdf_stream(&p,
               "/Type/XObject /Subtype/Form /BBox[0 -50 612 50] "
               "/Resources<</Font<</F 3 0 R>>>>",
               content);
    return pdf_end(&p);
}

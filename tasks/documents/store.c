/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include "indented_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

const char *store_base_of(ptl_task *t, const char *name)
{
    const char *dot = strrchr(name, '.'), *first = name + strspn(name, ".");

    return dot && dot > first ? ptl_strf(t, "%.*s", (int)(dot - name), name) : name;
}

/* A file that does not have its name yet. */
struct draft {
    int fd;
    char temporary[64];
    const char *name;
};

static int draft_open(struct draft *d, const struct opened *folder)
{
    static unsigned serial;

    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(d->temporary, sizeof(d->temporary), ".petiole-%d-%u.tmp",
                 (int)getpid(), serial++);
        d->fd = openat(folder->fd, d->temporary,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (d->fd >= 0 || errno != EEXIST)
            break;
    }
    return d->fd < 0 ? -errno : 0;
}

static int draft_write(struct draft *d, const struct stored_document *document,
                       void (*contents)(struct indented_json *,
                                        const struct stored_document *))
{
    struct indented_json j;

    indented_json_init(&j, d->fd);
    contents(&j, document);
    int status = indented_json_finish(&j);
    if (status == 0 && fsync(d->fd) < 0)
        status = -errno;
    return status;
}

/* Gives the draft its name, or removes it after a failure. */
static int draft_close(struct draft *d, const struct opened *folder, int status)
{
    if (d->fd < 0)
        return status;
    if (close(d->fd) < 0 && status == 0)
        status = -errno;
    if (status == 0 && renameat(folder->fd, d->temporary, folder->fd, d->name) < 0)
        status = -errno;
    if (status < 0)
        unlinkat(folder->fd, d->temporary, 0);
    return status;
}

static int write_both(const struct stored_document *document,
                      const struct opened *folder, struct draft drafts[2])
{
    int status = draft_open(&drafts[0], folder);

    if (status == 0)
        status = draft_open(&drafts[1], folder);
    if (status == 0)
        status = draft_write(&drafts[0], document, metadata_file_write);
    if (status == 0)
        status = draft_write(&drafts[1], document, index_file_write);
    status = draft_close(&drafts[0], folder, status);
    status = draft_close(&drafts[1], folder, status);
    if (status == 0 && fsync(folder->fd) < 0)
        status = -errno;
    return status;
}

bool store_document(ptl_task *t, const struct stored_document *d,
                    const struct opened *folder, struct stored_files *files)
{
    const char *slash = strcmp(folder->path, "/") == 0 ? "" : "/";
    struct draft drafts[2] = {
        {.fd = -1, .name = ptl_strf(t, "%s_sections_metadata.json", d->base)},
        {.fd = -1, .name = ptl_strf(t, "%s_sections_index.json", d->base)},
    };

    if (!drafts[0].name || !drafts[1].name)
        return false;
    int status = write_both(d, folder, drafts);
    if (status == -ENOMEM)
        ptl_fail(t, "MemoryError", "no memory to write %s", drafts[1].name);
    if (status < 0) {
        errno = -status;
        return roots_fail(t, ptl_strf(t, "write %s%s%s", folder->path, slash,
                                      drafts[0].name));
    }
    files->metadata = ptl_strf(t, "%s%s%s", folder->path, slash, drafts[0].name);
    files->index = ptl_strf(t, "%s%s%s", folder->path, slash, drafts[1].name);
    return !ptl_failed(t);
}

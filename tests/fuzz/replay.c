/* SPDX-License-Identifier: Apache-2.0 */
/* replay - runs a fuzz target over the files of folders, built with any compiler.
 *
 *     replay_json tests/fuzz/corpus/json tests/golden/results
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

/* The file in a block of exactly its size, so that a read past its end is caught. */
static bool run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat info;

    if (!f || fstat(fileno(f), &info) != 0) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        return false;
    }
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size ? size : 1);
    bool whole = data && fread(data, 1, size, f) == size;
    fclose(f);
    if (whole) {
        uint8_t *exact = size ? data : data + 1;
        LLVMFuzzerTestOneInput(exact, size);
    }
    free(data);
    return whole;
}

static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    int files = 0;

    if (!dir) {
        fprintf(stderr, "replay: no folder %s\n", folder);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (!run_file(path)) {
            closedir(dir);
            return -1;
        }
        files++;
    }
    closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int files = run_folder(argv[i]);
        if (files < 1)
            return EXIT_FAILURE;
        printf("%s: %d files\n", argv[i], files);
    }
    return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

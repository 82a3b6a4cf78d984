/* SPDX-License-Identifier: Apache-2.0 */
/* replay - runs a fuzz target over every file of its corpus, as an ordinary test; and
 * over every file cut short at each byte. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
    static uint8_t bytes[1 << 16];
    char path[4096];
    FILE *file;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return -1;
    }
    n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t cut = 0; cut <= n; cut++)
        LLVMFuzzerTestOneInput(bytes, cut);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    int replayed = 0;

    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.') {
            if (replay(argv[1], entry->d_name) != 0)
                return 1;
            replayed++;
        }
    closedir(dir);
    printf("%d files\n", replayed);
    return replayed > 0 ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzzer's function over every file of corpus directories, so that the corpus is an ordinary test. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static int run_file(const char *path)
{
        FILE *f = fopen(path, "rb");
        size_t n;
        uint8_t *data;

        if (!f)
                return -1;
        data = malloc(1 << 20);
        n = data ? fread(data, 1, 1 << 20, f) : 0;
        fclose(f);
        if (data) {
                uint8_t *exact =
                        malloc(n ? n : 1); /* exactly as long as the file, so that ASan sees one byte too far */
                for (size_t i = 0; exact && i < n; i++)
                        exact[i] = data[i];
                LLVMFuzzerTestOneInput(exact, n);
                free(exact);
        }
        free(data);
        return 0;
}

int main(int argc, char **argv)
{
        struct dirent *d;
        char path[4096];
        int runs = 0;

        for (int i = 1; i < argc; i++) {
                DIR *dir = opendir(argv[i]);
                if (!dir) {
                        fprintf(stderr, "no corpus directory %s\n", argv[i]);
                        return 1;
                }
                while ((d = readdir(dir))) {
                        if (d->d_name[0] == '.')
                                continue;
                        snprintf(path, sizeof(path), "%s/%s", argv[i], d->d_name);
                        if (run_file(path) < 0)
                                return 1;
                        runs++;
                }
                closedir(dir);
        }
        printf("%d inputs\n", runs);
        return runs > 0 ? 0 : 1;
}

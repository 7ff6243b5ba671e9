/* SPDX-License-Identifier: Apache-2.0 */
/* A package's unit file, read and made into the unit of a pod: with the package's command line, with the pod's args,
 * with its command. */
#include "helper/text/unit_text.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct pod_id pod = { "default", "web", "0f6c2a9e-1234-4abc-8def-0123456789ab" };
        static const struct mount_plan none;
        static char *words[] = { (char *)"a", (char *)"$b" };
        CLEANUP(unit_file_freep) struct unit_file *file = NULL;
        CLEANUP(given_done) struct given given = { 0 };

        if (unit_file_parse("x@y-z.service", (const char *)data, size, &file, NULL) < 0)
                return 0;
        if (given_of(file, &given, NULL) < 0)
                return 0;
        for (unsigned i = 0; i < 4; i++) {
                CLEANUP(buf_done) struct buf fragment = BUF(2 << 20), dropin = BUF(2 << 20);
                struct unit_text u = { .pod = &pod,
                                       .container = "c",
                                       .image = "i",
                                       .package = "p",
                                       .package_unit = "u",
                                       .file = file,
                                       .working_dir = "",
                                       .stop_signal = "",
                                       .mounts = &none,
                                       .given = &given,
                                       .command = words,
                                       .args = words,
                                       .n_args = i & 1 ? 2 : 0,
                                       .n_command = i & 2 ? 2 : 0,
                                       .program = i & 2 ? "/bin/a" : NULL,
                                       .overlay = i & 1 };
                unit_text_fragment(&u, &fragment);
                unit_text_dropin(&u, &dropin);
        }
        return 0;
}

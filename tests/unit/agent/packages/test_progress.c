/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/packages/package_manager.h"

static void shows(struct progress *p, const char *line, const char *words)
{
        char have[300];

        package_manager_progress(p, line);
        progress_words(p, have, sizeof(have));
        cr_expect_str_eq(have, words, "%s: %s", line, have);
}

Test(progress, an_installation_from_the_lock_to_its_end)
{
        struct progress p = { 0 };

        shows(&p, "Reading package lists...", "");
        shows(&p,
              "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 354 "
              "(unattended-upgr)...",
              "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 354 "
              "(unattended-upgr)...");
        shows(&p, "0 upgraded, 3 newly installed, 0 to remove and 7 not upgraded.", "");
        shows(&p, "Need to get 12.3 MB/14.0 MB of archives.", "downloading 0 of 3 (12.3 MB/14.0 MB)");
        shows(&p, "Get:2 http://example.org/debian bookworm/main amd64 hello amd64 2.10-3 [53.1 kB]",
              "downloading 2 of 3 (12.3 MB/14.0 MB)");
        shows(&p, "Fetched 53.1 kB in 0s (4944 kB/s)", "downloading 2 of 3 (12.3 MB/14.0 MB)");
        shows(&p, "Preparing to unpack .../hello_2.10-3_amd64.deb ...", "downloading 2 of 3 (12.3 MB/14.0 MB)");
        shows(&p, "Unpacking hello (2.10-3) ...", "unpacking 1 of 3: hello (2.10-3)");
        shows(&p, "Unpacking libx:amd64 (1) over (0.9) ...", "unpacking 2 of 3: libx:amd64 (1)");
        shows(&p, "Setting up hello (2.10-3) ...", "setting up 1 of 3: hello (2.10-3)");
        shows(&p, "Setting up d ...", "setting up 2 of 3: d ...");
}

Test(progress, a_file_is_fetched_and_lists_are_read_again)
{
        struct progress p = { 0 };

        shows(&p, "Fetching http://h/x_1_all.deb", "fetching http://h/x_1_all.deb");
        shows(&p, "Get:1 http://h/x_1_all.deb [5 kB]", "fetching http://h/x_1_all.deb");
        shows(&p, "1 upgraded, 10 newly installed, 1 reinstalled, 2 downgraded, 0 to remove and 3 not upgraded.", "");
        cr_assert_eq(p.total, 14);
        shows(&p, "Get:1 http://h bookworm InRelease", "reading the lists of packages");
        shows(&p, "1 upgraded, 2 newly insta", "reading the lists of packages");
        shows(&p, "\tUnpacking", "reading the lists of packages");
        shows(&p, "Unpacking \x1b[1m", "unpacking 1 of 14: ?[1m");
}

Test(complaints, are_told_with_their_reasons)
{
        static const struct {
                const char *line;
                bool tells;
        } lines[] = {
                { "Reading package lists...", false },
                { "E: Unable to locate package nowhere", true },
                { "a : Depends: b (>= 3) but it is not installable", true },
                { "dpkg: error processing archive /x_1_all.deb (--unpack):", true },
                { "cannot copy extracted data for './x' to '/x.dpkg-new': failed to write (No space left on device)",
                  true },
                { "dpkg-deb: error: paste subprocess was killed by signal (Broken pipe)", false },
                { "dpkg: error: dpkg frontend lock was locked by another process with pid 7", true },
                { "Setting up x (1) ...", false },
        };
        bool goes_on = false;

        for (size_t i = 0; i < ARRAY_LEN(lines); i++)
                cr_expect_eq(package_manager_complains(lines[i].line, &goes_on), lines[i].tells, "%s", lines[i].line);
}

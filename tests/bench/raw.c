/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd alone needs: N new unit files are written as one batch, then started through sd-bus, all at once, as vks
 * does it; the time until every job is done is printed in milliseconds. Then they are stopped and removed again. Run as
 * root in the node.
 *
 * The second argument names a file with the units' text, in which "@" stands for the unit's number; without it they are
 * as bare as they can be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

static char text[16384] = "[Service]\nType=exec\nExecStart=/bin/sleep 100000\n";

static unsigned waiting;
static const char *of_kind; /* starting a service starts its slice: that is another job */

static double now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int on_job(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *unit = "";

        (void)userdata, (void)error;
        if (sd_bus_message_read(m, "uos", NULL, NULL, &unit) >= 0 && waiting && strstr(unit, "vksbench") &&
            strstr(unit, of_kind))
                waiting--;
        return 0;
}

/* Writes `pattern` with the number for each "@". */
static void numbered(FILE *f, const char *pattern, unsigned i)
{
        for (const char *p = pattern; *p; p++)
                if (*p == '@')
                        fprintf(f, "%u", i);
                else
                        fputc(*p, f);
}

static int all(sd_bus *bus, const char *method, const char *pattern, unsigned n)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char name[256];
        int r;

        waiting = n, of_kind = strrchr(pattern, '.');
        for (unsigned i = 0; i < n; i++) {
                FILE *f = fmemopen(name, sizeof(name), "w");

                if (!f)
                        return -1;
                numbered(f, pattern, i);
                fclose(f);
                r = sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                       "org.freedesktop.systemd1.Manager", method, &error, NULL, "ss", name, "replace");
                if (r < 0) {
                        fprintf(stderr, "%s %s: %s\n", method, name, error.message);
                        return -1;
                }
        }
        while (waiting) {
                if ((r = sd_bus_process(bus, NULL)) < 0)
                        return -1;
                if (r == 0)
                        sd_bus_wait(bus, UINT64_MAX);
        }
        return 0;
}

static int write_unit(unsigned i)
{
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "/run/systemd/system/vksbench-%u.service", i);
        f = fopen(path, "w");
        if (!f)
                return -1;
        numbered(f, text, i);
        return fclose(f);
}

int main(int argc, char **argv)
{
        unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
        char path[128], *slice;
        sd_bus *bus;
        double start;

        if (!n || sd_bus_open_system(&bus) < 0 ||
            sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                               "org.freedesktop.systemd1.Manager", "Subscribe", NULL, NULL, "") < 0 ||
            sd_bus_match_signal(bus, NULL, "org.freedesktop.systemd1", NULL, "org.freedesktop.systemd1.Manager",
                                "JobRemoved", on_job, NULL) < 0)
                return 1;
        if (argc > 2) {
                FILE *f = fopen(argv[2], "r");
                size_t k = f ? fread(text, 1, sizeof(text), f) : 0;

                if (k == 0 || k == sizeof(text))
                        return 1;
                text[k] = 0;
                fclose(f);
        }
        start = now_ms();
        for (unsigned i = 0; i < n; i++)
                if (write_unit(i) < 0)
                        return 1;
        if (all(bus, "StartUnit", "vksbench-@.service", n) < 0)
                return 1;
        printf("%.1f\n", now_ms() - start);
        if (all(bus, "StopUnit", "vksbench-@.service", n) < 0)
                return 1;
        slice = strstr(text, "\nSlice=");
        if (slice) { /* systemd keeps a slice that has become empty */
                slice[strcspn(slice + 1, "\n") + 1] = 0;
                if (all(bus, "StopUnit", slice + strlen("\nSlice="), n) < 0)
                        return 1;
        }
        for (unsigned i = 0; i < n; i++) {
                snprintf(path, sizeof(path), "/run/systemd/system/vksbench-%u.service", i);
                unlink(path);
        }
        sd_bus_unref(bus);
        return 0;
}

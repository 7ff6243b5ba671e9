/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd alone needs: N new unit files are written as one batch, then started through sd-bus, all at once, as vks does
 * it; the time until every job is done is printed in milliseconds. Then they are stopped and removed again. Run as root in the node.
 *
 * With a second argument each unit has a slice of its own and a view of the file system of its own, as a pod's has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

static const char private[] = "ProtectSystem=strict\nBindPaths=/run/systemd/notify /run/systemd/journal\n"
                              "BindPaths=/run/vksbench/run:/run /run/vksbench/var:/var /run/vksbench/tmp:/tmp\n"
                              "BindPaths=/run/vksbench/tmp:/home /run/vksbench/tmp:/root /run/vksbench/tmp:/etc/vks\n";

static unsigned waiting;

static double now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int on_job(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)m, (void)userdata, (void)error;
        if (waiting)
                waiting--;
        return 0;
}

static int all(sd_bus *bus, const char *method, unsigned n)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char name[64];
        int r;

        waiting = n;
        for (unsigned i = 0; i < n; i++) {
                snprintf(name, sizeof(name), "vksbench-%u.service", i);
                r = sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", method, &error,
                                       NULL, "ss", name, "replace");
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

int main(int argc, char **argv)
{
        unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
        char path[128];
        sd_bus *bus;
        double start;

        if (!n || sd_bus_open_system(&bus) < 0 ||
            sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Subscribe", NULL, NULL,
                               "") < 0 ||
            sd_bus_match_signal(bus, NULL, "org.freedesktop.systemd1", NULL, "org.freedesktop.systemd1.Manager", "JobRemoved", on_job, NULL) < 0)
                return 1;
        start = now_ms();
        for (unsigned i = 0; i < n; i++) {
                snprintf(path, sizeof(path), "/run/systemd/system/vksbench-%u.service", i);
                FILE *f = fopen(path, "w");
                if (!f)
                        return 1;
                fputs("[Service]\nType=exec\nExecStart=/bin/sleep 100000\n", f);
                if (argc > 2)
                        fprintf(f, "Slice=vksbench-pod%u.slice\n%s", i, private);
                fclose(f);
        }
        if (all(bus, "StartUnit", n) < 0)
                return 1;
        printf("%.0f\n", now_ms() - start);
        if (all(bus, "StopUnit", n) < 0)
                return 1;
        for (unsigned i = 0; i < n; i++) {
                snprintf(path, sizeof(path), "/run/systemd/system/vksbench-%u.service", i);
                unlink(path);
        }
        sd_bus_unref(bus);
        return 0;
}

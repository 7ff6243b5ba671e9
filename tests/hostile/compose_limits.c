/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What units may take, as PID 1 has it, beside what was asked for. WRITE says it of a unit that PID 1 does not know
 * yet, and is passed over otherwise; one that is refused may have been carried out in part. So each number that a
 * request has said may be the one in force. What a RESIZE that was not refused says is, until the unit is written anew
 * or removed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "common/mem.h"
#include "proto/verbs.h"
#include "tests/hostile/compose.h"

#define ROW(n, verb, Message, body) verb_##verb = n,
enum { VERBS(ROW) };
#undef ROW

enum limit { WEIGHT, QUOTA, MEMORY, TASKS, LIMITS, SAID_MAX = 32, UNITS_MAX = 64 };

static const char *const names[LIMITS] = { "CPUWeight", "CPUQuotaPerSecUSec", "MemoryMax", "TasksMax" };

static struct said {
        char unit[ID_UNIT_MAX + 1];
        size_t n;
        uint64_t values[SAID_MAX][LIMITS]; /* 0: nothing was said */
        int oom[SAID_MAX];
        uint64_t resized[LIMITS]; /* 0: not since the unit was written */
} all[UNITS_MAX];
static size_t n_all;

void limits_begin(void)
{
        n_all = 0;
}

static struct said *said_of(const char *unit, bool make)
{
        for (size_t i = 0; i < n_all; i++)
                if (streq(all[i].unit, unit))
                        return &all[i];
        if (!make || n_all == UNITS_MAX)
                return NULL;
        all[n_all] = (struct said){ 0 };
        snprintf(all[n_all].unit, sizeof(all[n_all].unit), "%s", unit);
        return &all[n_all++];
}

static void numbers(const Vks__Limits *l, uint64_t ret[static LIMITS])
{
        ret[WEIGHT] = l ? l->cpu_weight : 0;
        ret[QUOTA] = l ? (uint64_t)l->cpu_milli * 1000 : 0;
        ret[MEMORY] = l ? l->memory_max : 0;
        ret[TASKS] = l ? l->tasks_max : 0;
}

static void note_written(const char *unit, const Vks__Limits *l, int oom)
{
        struct said *s = said_of(unit, true);

        if (!s)
                return;
        memset(s->resized, 0, sizeof(s->resized));
        numbers(l, s->values[s->n % SAID_MAX]);
        s->oom[s->n++ % SAID_MAX] = oom;
}

static void note_resized(const char *unit, const Vks__Limits *l, bool accepted)
{
        struct said *s = said_of(unit, true);
        uint64_t values[LIMITS];

        if (!s)
                return;
        numbers(l, values);
        for (size_t i = 0; i < LIMITS; i++)
                if (values[i])
                        s->resized[i] = accepted ? values[i] : 0;
        memcpy(s->values[s->n % SAID_MAX], values, sizeof(values));
        s->oom[s->n % SAID_MAX] = s->n ? s->oom[(s->n - 1) % SAID_MAX] : 0;
        s->n++;
}

static void note_write(const Vks__Write *m)
{
        struct pod_id id = { .namespace = NAMESPACE };
        char unit[ID_UNIT_MAX + 1];

        snprintf(id.name, sizeof(id.name), "%s", m->pod->name);
        for (size_t i = 0; i < m->n_containers; i++) {
                const Vks__Container *c = m->containers[i];

                if (unit_name(&id, c->image, c->shares_image ? c->name : NULL, unit, NULL) == 0)
                        note_written(unit, c->limits, c->oom_score_adjust);
        }
        pod_slice_name(m->pod->uid, (enum qos)m->qos, unit);
        note_written(unit, m->limits, 0); /* if it was the pod's first unit */
}

static void note_resize(const Vks__Resize *m, bool accepted)
{
        char slice[ID_UNIT_MAX + 1];

        for (size_t i = 0; i < m->n_sizes; i++)
                note_resized(m->sizes[i]->unit, m->sizes[i]->limits, accepted);
        for (enum qos q = 0; q <= QOS_CLASS_GUARANTEED && m->limits; q++) { /* the pod's, whichever that is */
                pod_slice_name(m->pod->uid, q, slice);
                if (said_of(slice, false))
                        note_resized(slice, m->limits, accepted);
        }
}

static void forget_resized(const char *unit)
{
        struct said *s = said_of(unit, false);

        if (s)
                memset(s->resized, 0, sizeof(s->resized));
}

void limits_note(const struct step *step, bool accepted)
{
        const Vks__Remove *remove = (const Vks__Remove *)(const void *)step->message;

        if (step->verb == verb_write)
                note_write((const Vks__Write *)(const void *)step->message);
        if (step->verb == verb_resize)
                note_resize((const Vks__Resize *)(const void *)step->message, accepted);
        if (step->verb != verb_remove)
                return;
        for (size_t i = 0; i < remove->n_units; i++)
                forget_resized(remove->units[i]);
        for (size_t i = 0; i < n_all && remove->all; i++)
                memset(all[i].resized, 0, sizeof(all[i].resized));
}

/* ---- what PID 1 has ---------------------------------------------------------------------------------------------- */

static sd_bus *bus;

/* The greatest number means that there is none. */
static bool number(const char *path, const char *interface, const char *name, uint64_t *ret)
{
        return sd_bus_get_property_trivial(bus, "org.freedesktop.systemd1", path, interface, name, NULL, 't', ret) >= 0;
}

static void judge_number(const struct said *s, enum limit which, uint64_t is, uint64_t none)
{
        bool may = false;

        if (s->resized[which]) {
                if (is != s->resized[which])
                        mark("%s: %s is %" PRIu64 ", and RESIZE has said %" PRIu64, s->unit, names[which], is,
                             s->resized[which]);
                return;
        }
        for (size_t i = 0; i < s->n && i < SAID_MAX; i++)
                may |= s->values[i][which] ? is == s->values[i][which] : is == none;
        if (s->n && !may)
                mark("%s: %s is %" PRIu64 ", which nobody has asked for", s->unit, names[which], is);
}

static void judge_oom(const struct said *s, const char *path, uint64_t memory)
{
        bool may = false;
        int32_t is = 0;

        if (sd_bus_get_property_trivial(bus, "org.freedesktop.systemd1", path, "org.freedesktop.systemd1.Service",
                                        "OOMScoreAdjust", NULL, 'i', &is) < 0)
                return;
        for (size_t i = 0; i < s->n && i < SAID_MAX; i++)
                may |= s->oom[i] == is;
        if (s->n && !may)
                mark("%s: OOMScoreAdjust is %d, which nobody has asked for", s->unit, (int)is);
        if (is < 0 && memory == UINT64_MAX)
                mark("%s: OOMScoreAdjust is %d, without MemoryMax", s->unit, (int)is);
}

/* `none`: how many tasks what says nothing may have. */
static void look_at_unit(const char *unit, const char *path, uint64_t none)
{
        bool slice = ends_with(unit, ".slice"), command = starts_with(unit, "vks-exec-");
        const char *interface = slice ? "org.freedesktop.systemd1.Slice" : "org.freedesktop.systemd1.Service";
        const struct said *s = said_of(unit, false);
        uint64_t memory = UINT64_MAX, is;

        (void)number(path, interface, "MemoryMax", &memory);
        for (size_t i = 0; i < LIMITS && s; i++)
                if (number(path, interface, names[i], &is))
                        judge_number(s, (enum limit)i, is, i == TASKS && !slice ? none : UINT64_MAX);
        if (memory != UINT64_MAX && number(path, interface, "MemorySwapMax", &is) && is)
                mark("%s: MemorySwapMax is %" PRIu64 " beside MemoryMax", unit, is);
        if ((number(path, interface, "MemoryMin", &is) && is) || (number(path, interface, "MemoryLow", &is) && is))
                mark("%s: memory is kept for it", unit);
        if (s && !slice && !command)
                judge_oom(s, path, memory);
}

unsigned look_at_limits(void)
{
        CLEANUP(freep) char *patterns = NULL;
        sd_bus_message *reply = NULL;
        const char *unit, *path;
        uint64_t none = UINT64_MAX;

        if (!bus && sd_bus_open_system(&bus) < 0) {
                mark("PID 1 cannot be asked");
                return marks_told();
        }
        (void)number("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "DefaultTasksMax", &none);
        if (sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                               "org.freedesktop.systemd1.Manager", "ListUnitsByPatterns", NULL, &reply, "asas", 0, 3,
                               "vks." NAMESPACE ".*", "kubepods-*c0c0c0c0*", "vks-exec-c0c0c0c0-*") < 0 ||
            sd_bus_message_enter_container(reply, 'a', "(ssssssouso)") < 0) {
                bus = sd_bus_flush_close_unref(bus);
                sd_bus_message_unref(reply);
                return marks_told(); /* that it hangs is told elsewhere */
        }
        while (sd_bus_message_read(reply, "(ssssssouso)", &unit, NULL, NULL, NULL, NULL, NULL, &path, NULL, NULL,
                                   NULL) > 0)
                look_at_unit(unit, path, none);
        sd_bus_message_unref(reply);
        return marks_told();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats/sample.h"

#include <fcntl.h>
#include <utlist.h>

#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "agent/machine/cgroups.h"
#include "agent/pods/shown.h"
#include "agent/stats/rates.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        SLICE_USEC = 5000, /* of one turn of the event loop */
        PATH_MAX_BYTES = 1024,
        RECENT_USEC = 10 * 1000 * 1000, /* the kubelet's housekeeping interval */
};

struct sample_wait {
        struct sampler *sampler;
        enum usage_depth depth;
        bool recent; /* an older one will do */
        sample_done done;
        void *userdata;
        struct sample_wait *prev, *next;
};

struct sampler {
        sd_event *event;
        struct pods *pods;
        sd_event_source *work;          /* enabled while somebody waits */
        struct sample_wait *waiting[2]; /* by depth */
        struct sample *kept;            /* the last one, while recent ones are wanted */
        uint64_t kept_at, wanted_at[2]; /* monotonic; by depth */
        uint64_t recent_usec;
        sd_event_source *again; /* when it is recent no more */
        bool refresh;           /* ... and a new one is to be taken, though nobody waits */
        struct sample *sample;  /* under way; NULL: none is */
        char **uids;            /* of its pods */
        size_t next_uid;
        int top;
};

static void pods_free_all(struct sample *s)
{
        for (size_t i = 0; i < s->n_pods; i++) {
                struct sampled_pod *p = &s->pods[i];

                for (size_t k = 0; k < p->n_containers; k++) {
                        free(p->containers[k].name);
                        free(p->containers[k].image);
                        free(p->containers[k].cgroup);
                }
                free(p->containers);
                free(p->cgroup);
        }
        free(s->pods);
}

struct sample *sample_unref(struct sample *s)
{
        if (s && --s->users == 0) {
                pods_free_all(s);
                free(s);
        }
        return NULL;
}

/* ---- one pod ----------------------------------------------------------------------------------------------------- */

static char *cgroup_of(const struct pod *p)
{
        char slice[ID_UNIT_MAX + 1];
        struct buf b = BUF(PATH_MAX_BYTES);

        pod_slice_name(p->id.uid, p->qos, slice);
        cgroups_slice_path(slice, &b);
        return buf_steal(&b);
}

static void read_cgroup(const struct sample *s, int dir, const char *path, struct usage *ret)
{
        usage_read(dir, path, s->depth, ret);
        if (s->machine.has_swap)
                usage_read_swap(dir, path, ret);
}

/* `dir`: the cgroup of the pod. */
static void add_container(struct sampled_pod *ret, const struct sample *s, int dir, const struct pods_container *c)
{
        struct sampled_container *n;

        ret->containers = xrealloc(ret->containers, ret->n_containers + 1, sizeof(*ret->containers));
        n = &ret->containers[ret->n_containers++];
        *n = (struct sampled_container){
                .name = xstrdup(c->container->name),
                .image = xstrdup(c->container->image),
                .cgroup = xasprintf("%s/%s", ret->cgroup, c->container->unit),
                .started = c->state->unit.started,
        };
        memcpy(n->invocation, c->state->invocation, sizeof(n->invocation));
        read_cgroup(s, dir, c->container->unit, &n->usage);
        n->at = time_now();
        if (!ret->started || n->started < ret->started)
                ret->started = n->started;
}

/* The way to the pod's cgroup is long: it is walked once for all of its files. */
void sample_pod(struct sample *s, int top, struct pods *pods, const char *uid)
{
        struct sampled_pod pod = { 0 };
        struct pods_container c;
        FD dir = -1;

        for (size_t i = 0; pods_container_at(pods, uid, i, &c); i++) {
                if (!unit_has_processes(c.state->unit.phase))
                        continue;
                if (!pod.cgroup) {
                        pod.id = c.pod->id;
                        pod.cgroup = cgroup_of(c.pod);
                        dir = openat(top, pod.cgroup + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
                }
                add_container(&pod, s, dir, &c);
        }
        if (!pod.n_containers)
                return;
        read_cgroup(s, dir, ".", &pod.usage);
        pod.at = time_now();
        s->pods = xrealloc(s->pods, s->n_pods + 1, sizeof(*s->pods));
        s->pods[s->n_pods++] = pod;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* cgroups(7): "0::/system.slice/vks-agent.service" */
static void read_own(struct sampler *s, enum usage_depth depth)
{
        char text[PATH_MAX_BYTES];
        FD fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
        char *own;

        text[n > 0 ? n : 0] = '\0';
        own = strstr(text, "0::/");
        if (!own)
                return;
        own += strlen("0::/");
        own[strcspn(own, "\n")] = '\0';
        if (*own) /* else it is the machine's own */
                usage_read(s->top, own, depth, &s->sample->agent);
}

static void begin(struct sampler *s, enum usage_depth depth)
{
        const char *top = cgroups_top();

        s->sample = NEW(struct sample);
        s->sample->users = 1;
        s->sample->depth = depth;
        s->top = top ? open(top, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        s->sample->failed = s->top < 0;
        s->sample->at = time_now();
        machine_usage_read("", top, depth, &s->sample->machine);
        if (s->top >= 0) {
                usage_read(s->top, "kubepods.slice", depth, &s->sample->all_pods);
                read_own(s, depth);
        }
        s->uids = shown_uids(s->pods);
        s->next_uid = 0;
}

static void end_sample(struct sampler *s)
{
        s->sample = sample_unref(s->sample);
        s->uids = strv_free(s->uids);
        s->top = fd_close(s->top);
}

/* Each who waited for so much, or for less, has it. */
static void hand_out(struct sampler *s)
{
        for (int depth = (int)s->sample->depth; depth >= 0; depth--) {
                struct sample_wait *w;

                while ((w = s->waiting[depth])) {
                        DL_DELETE(s->waiting[depth], w);
                        s->sample->users++;
                        w->done(w->userdata, s->sample);
                        free(w);
                }
        }
}

static bool is_waited_for(const struct sampler *s)
{
        return s->waiting[USAGE_BASIC] || s->waiting[USAGE_WHOLE];
}

/* ---- one that is recent ------------------------------------------------------------------------------------------ */

static bool is_wanted(const struct sampler *s, enum usage_depth depth)
{
        return s->wanted_at[depth] && time_monotonic() < s->wanted_at[depth] + 6 * s->recent_usec;
}

static int on_again(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct sampler *s = userdata;

        s->refresh = is_wanted(s, USAGE_WHOLE) || is_wanted(s, USAGE_BASIC);
        if (s->refresh)
                sd_event_source_set_enabled(s->work, SD_EVENT_ON);
        else
                s->kept = sample_unref(s->kept);
        return 0;
}

static void keep(struct sampler *s)
{
        sample_unref(s->kept);
        s->kept = s->sample;
        s->kept->users++;
        s->kept_at = time_monotonic();
        s->refresh = false;
        timer_arm(s->event, &s->again, CLOCK_MONOTONIC, s->recent_usec, on_again, s);
}

/* One of less depth than is asked for, which somebody wanted at once, takes the place of none. */
static void keep_or_drop(struct sampler *s)
{
        bool whole = is_wanted(s, USAGE_WHOLE);

        if (whole ? s->sample->depth == USAGE_WHOLE : is_wanted(s, USAGE_BASIC)) {
                keep(s);
        } else if (!whole) {
                s->kept = sample_unref(s->kept);
                s->refresh = false;
        }
}

static void hand_out_kept(struct sampler *s)
{
        struct sample *kept = s->kept;

        /* a half more: while the next one is taken, which has its turns among others */
        if (!kept || time_monotonic() > s->kept_at + s->recent_usec + s->recent_usec / 2)
                return;
        for (int depth = (int)kept->depth; depth >= 0; depth--) {
                struct sample_wait *w, *next;

                DL_FOREACH_SAFE (s->waiting[depth], w, next) {
                        if (!w->recent)
                                continue;
                        DL_DELETE(s->waiting[depth], w);
                        kept->users++;
                        w->done(w->userdata, kept);
                        free(w);
                }
        }
}

static int work(sd_event_source *source, void *userdata)
{
        struct sampler *s = userdata;
        uint64_t until = time_monotonic() + SLICE_USEC;

        hand_out_kept(s);
        if (!s->sample && !is_waited_for(s) && !s->refresh) {
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        if (!s->sample)
                begin(s,
                      s->waiting[USAGE_WHOLE] || (s->refresh && is_wanted(s, USAGE_WHOLE)) ? USAGE_WHOLE : USAGE_BASIC);
        while (s->uids[s->next_uid] && s->top >= 0) {
                if (time_monotonic() >= until)
                        return 0;
                sample_pod(s->sample, s->top, s->pods, s->uids[s->next_uid++]);
        }
        if (s->kept)
                sample_rates(s->sample, s->kept);
        keep_or_drop(s);
        hand_out(s);
        end_sample(s);
        if (!is_waited_for(s) && !s->refresh)
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

struct sample_wait *sample_take(struct sampler *s, enum usage_depth depth, sample_done done, void *userdata)
{
        struct sample_wait *w = NEW(struct sample_wait);

        *w = (struct sample_wait){ .sampler = s, .depth = depth, .done = done, .userdata = userdata };
        DL_APPEND(s->waiting[depth], w);
        sd_event_source_set_enabled(s->work, SD_EVENT_ON);
        return w;
}

struct sample_wait *sample_recent(struct sampler *s, enum usage_depth depth, sample_done done, void *userdata)
{
        struct sample_wait *w = sample_take(s, depth, done, userdata);

        w->recent = true;
        s->wanted_at[depth] = time_monotonic();
        return w;
}

struct sample_wait *sample_cancel(struct sample_wait *w)
{
        if (w) {
                DL_DELETE(w->sampler->waiting[w->depth], w);
                free(w);
        }
        return NULL;
}

struct sampler *sampler_new(sd_event *event, struct pods *pods)
{
        struct sampler *s = NEW(struct sampler);

        s->event = sd_event_ref(event);
        s->pods = pods;
        s->recent_usec = RECENT_USEC;
        s->top = -1;
        if (sd_event_add_defer(event, &s->work, work, s) < 0)
                return sampler_free(s);
        sd_event_source_set_enabled(s->work, SD_EVENT_OFF);
        return s;
}

void sampler_set_recent(struct sampler *s, uint64_t usec)
{
        s->recent_usec = usec;
}

struct sampler *sampler_free(struct sampler *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < ARRAY_LEN(s->waiting); i++) {
                struct sample_wait *w, *next;

                DL_FOREACH_SAFE (s->waiting[i], w, next)
                        free(w);
        }
        end_sample(s);
        sample_unref(s->kept);
        sd_event_source_disable_unref(s->work);
        sd_event_source_disable_unref(s->again);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The unit of a container, of a pod's slice, and what its lines of the journal say: the parts put together. */
#include "helper/text/unit_text.h"

#include "common/mem.h"
#include "helper/text/package_paths.h"
#include "helper/text/unit_parts.h"

void unit_text_log_fields(const struct unit_text *u, const char *unit, struct buf *b)
{
        buf_printf(b,
                   "OBJECT_SYSTEMD_UNIT=%s\nVKS_POD_UID=%s\nVKS_POD=%s/%s\nVKS_CONTAINER=%s\nSYSLOG_IDENTIFIER=%s\n"
                   "PRIORITY=6\n",
                   unit, u->pod->uid, u->pod->namespace, u->pod->name, u->container, u->container);
}

void unit_text_owner(const char *uid, struct buf *b)
{
        buf_printf(b, "[X-Kubernetes]\nUID=%s\n", uid);
}

/* A number means what systemd.resource-control(5) says of it; 0 is written nowhere. */
static void limits(struct buf *b, const Vks__Limits *l)
{
        if (!l)
                return;
        if (l->cpu_weight)
                buf_printf(b, "CPUWeight=%u\n", l->cpu_weight);
        if (l->cpu_milli)
                buf_printf(b, "CPUQuota=%u.%u%%\n", l->cpu_milli / 10, l->cpu_milli % 10);
        if (l->memory_max)
                buf_printf(b, "MemoryMax=%llu\nMemorySwapMax=0\n", (unsigned long long)l->memory_max);
        if (l->tasks_max)
                buf_printf(b, "TasksMax=%u\n", l->tasks_max);
}

bool unit_text_slice(const struct pod_id *pod, const Vks__Limits *l, struct buf *b)
{
        CLEANUP(buf_done) struct buf lines = BUF(1024);

        limits(&lines, l);
        if (!lines.len)
                return false;
        unit_text_owner(pod->uid, b);
        buf_printf(b, "\n[Unit]\nDescription=Pod %s/%s\n\n[Slice]\n%s", pod->namespace, pod->name, lines.data);
        return true;
}

bool unit_text_resized(const char *unit, const Vks__Limits *l, struct buf *b)
{
        CLEANUP(buf_done) struct buf lines = BUF(1024);

        limits(&lines, l);
        if (lines.len)
                buf_printf(b, "[%s]\n%s", ends_with(unit, ".slice") ? "Slice" : "Service", lines.data);
        return lines.len > 0;
}

/*
 * What PID 1 opens, reads or decrypts as root for the package's command line, or asks of PAM or the kernel for it, is
 * not for another one: the keys of systemd.exec(5) as 252 has it, but for what view_mounts(), identity_lines() and
 * package_paths() write. EnvironmentFile= stays: policy/TRUST.md; so does the namespace of NetworkNamespacePath= and
 * IPCNamespacePath=, without which it would have the machine's own. And no line gets a terminal of the machine's: the
 * instance's name may be the pod's to choose, and PID 1 opens, resets and hangs up whatever device it names. Nor a
 * session: what PAM is asked for is made by the pod's variables, and logind has a session's processes, and a service
 * manager for its user, outside of the pod, where STOP does not find them.
 */
static void take_back(struct buf *b, const struct unit_text *u)
{
        static const struct {
                const char *key, *value;
                bool always;
        } keys[] = {
                { "AmbientCapabilities", "", false },
                { "LoadCredential", "", false },
                { "LoadCredentialEncrypted", "", false },
                { "ImportCredential", "", false },
                { "SetCredential", "", false },
                { "SetCredentialEncrypted", "", false },
                { "OpenFile", "", false },
                { "StandardInput", "null", false },
                { "Delegate", "no", false },
                { "OOMScoreAdjust", "0", false },
                { "Nice", "0", false },
                { "CPUSchedulingPolicy", "other", false },
                { "IOSchedulingClass", "", false },
                { "LimitNICE", "0", false },
                { "LimitRTPRIO", "0", false },
                { "RootImage", "", false },
                { "MountImages", "", false },
                { "ExtensionImages", "", false },
                { "ExtensionDirectories", "", false },
                { "TTYPath", "", true },
                { "TTYReset", "no", true },
                { "TTYVHangup", "no", true },
                { "TTYVTDisallocate", "no", true },
                { "UtmpIdentifier", "", true },
                { "PAMName", "", true },
        };

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                if ((u->who.foreign || keys[i].always) && unit_file_says(u->file, keys[i].key, ""))
                        buf_printf(b, "%s=%s\n", keys[i].key, keys[i].value);
        if (unit_file_says(u->file, "StandardInput", "tty") && !u->who.foreign)
                buf_str(b, "StandardInput=null\n");
}

static void type_and_files(struct buf *b, const struct unit_text *u)
{
        const char *kill = unit_file_get(u->file, "KillMode");

        if (!u->file || u->program)
                buf_str(b, "Type=exec\nPIDFile=\nWatchdogSec=0\n");
        else if (u->pid_file && *u->pid_file) /* PID 1 reads it on the host's side */
                buf_printf(b, "PIDFile=" POD_RUN_DIR "/%s%s\n", u->pod->uid, u->pid_file);
        else if (*unit_file_get(u->file, "PIDFile"))
                buf_str(b, "PIDFile=\n");
        if (!streq(kill, "control-group") && !streq(kill, "mixed") && (*kill || !u->file))
                buf_str(b, "KillMode=mixed\n");
        if (*u->stop_signal)
                buf_printf(b, "KillSignal=%s\n", u->stop_signal);
        if (u->who.bus)
                buf_str(b, "BindReadOnlyPaths=-/run/dbus\n");
}

void working_dir_line(struct buf *b, const struct unit_text *u)
{
        if (u->who.become && *unit_file_get(u->file, "WorkingDirectory"))
                buf_str(b, "WorkingDirectory=/\n");
        if (!*u->working_dir || u->only_enters || u->who.become)
                return;
        /* Where vks-exec makes it, the package's other commands start in "/" until it is there. */
        buf_str(b, u->makes_dir ? "WorkingDirectory=-" : "WorkingDirectory=");
        for (const char *s = u->working_dir; *s; s++)
                buf_printf(b, *s == '%' ? "%%%%" : "%c", *s);
        buf_char(b, '\n');
}

/*
 * [X-Kubernetes] is read by the agent, and by START, STOP and REMOVE (its first key). All keys: UID, Namespace, Pod,
 * Container, Image, Package, PackageUnit, RestartPolicy (Never, OnFailure, Always), Mark (the agent's, 16 hex
 * digits).
 */
void unit_text_dropin(const struct unit_text *u, struct buf *b)
{
        /* Without the agent, systemd restarts within the longest back-off that Kubernetes has; with it, the agent does,
         * earlier. */
        static const struct {
                const char *name, *lines;
        } restart[] = {
                { "Never", "Restart=no\nRemainAfterExit=yes\n" },
                { "OnFailure", "Restart=on-failure\nRestartSec=300\nRemainAfterExit=yes\n" },
                { "Always", "Restart=always\nRestartSec=300\nRemainAfterExit=no\n" },
        };
        const struct pod_id *pod = u->pod;
        char slice[ID_UNIT_MAX + 1];

        pod_slice_name(pod->uid, u->qos, slice);
        unit_text_owner(pod->uid, b);
        buf_printf(b,
                   "Namespace=%s\nPod=%s\nContainer=%s\nImage=%s\nPackage=%s\nPackageUnit=%s\nRestartPolicy=%s\nMark=%"
                   "016llx\n\n[Unit]\n",
                   pod->namespace, pod->name, u->container, u->image, u->package, u->package_unit,
                   restart[u->restart].name, (unsigned long long)u->mark);
        /* The slice is stopped before a shutdown, and its units with it; sysinit.target and all that it wants need not
         * be looked at for each start. */
        buf_str(b, "DefaultDependencies=no\nStartLimitIntervalSec=0\nAfter=vks-log.service\n"); /* stopped before it */
        if (u->overlay)
                layer_needed(b, &layer_var, pod->uid);
        if (u->etc)
                layer_needed(b, &layer_etc, pod->uid);
        buf_printf(b, "\n[Service]\nSlice=%s\nLogExtraFields=VKS_POD_UID=%s\n", slice, pod->uid);
        /* What runs once and ends is nothing that systemd would restart always. */
        if (u->restart == 2 && !u->program && streq(unit_file_get(u->file, "Type"), "oneshot"))
                buf_str(b, "Restart=on-failure\nRestartSec=300\nRemainAfterExit=no\n");
        else
                buf_str(b, restart[u->restart].lines);
        buf_printf(b, "TimeoutStopSec=%u\n", u->grace_seconds ? u->grace_seconds : 1); /* 0 would be infinity */
        buf_str(b, "SendSIGKILL=yes\nSuccessExitStatus=\nRestartPreventExitStatus=\nRestartForceExitStatus=\n"
                   "LogRateLimitIntervalSec=1\nLogRateLimitBurst=1000000000\n");
        limits(b, u->limits);
        buf_str(b,
                "OOMPolicy=kill\n"); /* a container is killed as a whole, and nothing of it goes on without the rest */
        buf_printf(b, "StandardOutput=file:" LOG_DIR "/%s.%s.out\nStandardError=file:" LOG_DIR "/%s.%s.err\n", pod->uid,
                   u->container, pod->uid, u->container);
        package_paths(b, u->file, u->mounts, u->given); /* first: what is taken back here is the package's */
        take_back(b, u);
        if (u->oom_score_adjust)
                buf_printf(b, "OOMScoreAdjust=%d\n", u->oom_score_adjust);
        type_and_files(b, u);
        exec_lines_own(b, u);
        exec_lines_other(b, u);
        identity_lines(b, u);
        working_dir_line(b, u);
        view_directories(b, u, false);
        if (!u->who.become) /* all of its variables are in the credential: root must not load what a pod names */
                buf_printf(b, "EnvironmentFile=" POD_RUN_DIR "/%s/env/%s\n", pod->uid, u->container);
        view_mounts(b, u);
}

/*
 * Is this line a condition on what the pod brings itself? PID 1 would look for it at that path of the machine's. (Of a
 * pod's mounts those that hold the machine's own entries have "-" in front.)
 */
static bool is_condition_of_pods(const struct unit_text *u, const char *line, size_t n)
{
        static const char *const keys[] = { "ConditionPath", "ConditionFile", "ConditionDirectory" };
        const char *value = memchr(line, '=', n), *end = line + n;
        bool is_path = false;

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                is_path |= n > strlen(keys[i]) && starts_with(line, keys[i]);
        if (!is_path || !value || end[-1] == '\\')
                return false;
        for (value++;
             value < end && strchr(" \t|", *value);) /* but what must not be there is the administrator's veto */
                value++;
        for (size_t i = 0; i < u->mounts->n; i++) {
                const struct mount_line *l = &u->mounts->lines[i];
                size_t k = strlen(l->target);

                if (l->source && *l->source == '/' && (size_t)(end - value) >= k && memcmp(value, l->target, k) == 0 &&
                    (value + k == end || strchr("/ \t", value[k])))
                        return true;
        }
        return false;
}

/* The package's own text, or the little that a program needs. */
void unit_text_fragment(const struct unit_text *u, struct buf *b)
{
        if (u->file)
                buf_str(b, "# A copy for a pod; what is different for it is in vks.conf beside it.\n");
        for (const char *line = u->file ? u->file->text : "", *next; *line; line = next) {
                next = strchrnul(line, '\n');
                if (is_condition_of_pods(u, line, (size_t)(next - line)))
                        buf_str(b, "# A volume of the pod is there: ");
                if (u->program &&
                    starts_with(line + strspn(line, " \t"), "BusName")) /* an empty BusName= takes nothing back */
                        buf_str(b, "# The pod's own program: ");
                next += *next == '\n';
                buf_add(b, line, (size_t)(next - line));
        }
        if (!u->file)
                buf_printf(b, "[Unit]\nDescription=Container %s of pod %s/%s\n\n[Service]\nSyslogIdentifier=%s\n",
                           u->container, u->pod->namespace, u->pod->name, u->container);
}

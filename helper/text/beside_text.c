/* SPDX-License-Identifier: Apache-2.0 */
/* The unit of a command beside a container. */
#include "common/mem.h"
#include "helper/text/package_paths.h"
#include "helper/text/unit_parts.h"

enum { BESIDE_STOP_S = 2 }; /* between SIGTERM and SIGKILL for a command whose client is gone */

/* How a service lives, and what PID 1 makes or opens for it: keys that begin like this. All others are how it is kept
 * apart, and count for the command, too. */
static bool is_of_life(const char *key)
{
        static const char *const beginnings[] = {
                "Type",
                "ExitType",
                "Exec",
                "Restart",
                "RemainAfterExit",
                "PIDFile",
                "BusName",
                "Notify",
                "Watchdog",
                "Timeout",
                "RuntimeMax",
                "RuntimeRandom",
                "Sockets",
                "Standard",
                "TTY",
                "FileDescriptor",
                "OpenFile",
                "USBFunction",
                "OOMScoreAdjust",
                "Nice",
                "CPUScheduling",
                "IOSchedulingClass",
                "LimitNICE",
                "LimitRTPRIO",
                "Success",
                "Failure",
                "StartLimit",
                "Reboot",
                "OOMPolicy",
                "GuessMainPID",
                "NonBlocking",
                "RootDirectoryStartOnly",
                "PermissionsStartOnly",
                "Kill",
                "SendSIG",
                "FinalKill",
                "Slice",
                "Delegate",
                "Syslog",
                "Log",
                "PAMName",
                "Load",
                "SetCred",
                "ImportCred",
                "UtmpIdentifier",
                "UtmpMode",
                "ReloadSignal",
                "RuntimeDirectory",
                "StateDirectory",
                "CacheDirectory",
                "LogsDirectory",
                "ConfigurationDirectory",
                "RootImage",
                "MountImages",
                "Extension",
        };

        for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
                if (starts_with(key, beginnings[i]) && !streq(key, "ExecPaths") && !streq(key, "ExecSearchPath"))
                        return true;
        return false;
}

void unit_text_beside(const struct unit_text *u, const char *unit, struct buf *b)
{
        const struct pod_id *pod = u->pod;
        char slice[ID_UNIT_MAX + 1];

        pod_slice_name(pod->uid, u->qos, slice);
        unit_text_owner(pod->uid, b);
        buf_printf(b,
                   "Namespace=%s\nPod=%s\nContainer=%s\n\n[Unit]\nDescription=Command beside container %s of pod "
                   "%s/%s\nDefaultDependencies=no\nCollectMode=inactive-or-failed\nStartLimitIntervalSec=0\n"
                   "PartOf=%s\n",
                   pod->namespace, pod->name, u->container, u->container, pod->namespace, pod->name, unit);
        if (u->overlay)
                layer_needed(b, &layer_var, pod->uid);
        if (u->etc)
                layer_needed(b, &layer_etc, pod->uid);
        buf_str(b, "\n[Service]\nRootDirectory=\n");
        for (size_t i = 0; u->file && i < u->file->n; i++)
                if (!is_of_life(u->file->service[i].key))
                        buf_printf(b, "%s=%s\n", u->file->service[i].key, u->file->service[i].value);
        buf_printf(b,
                   "Slice=%s\nType=exec\nRestart=no\nRemainAfterExit=no\nKillMode=control-group\nTimeoutStartSec=30\n"
                   "TimeoutStopSec=%u\nSendSIGKILL=yes\nOOMScoreAdjust=1000\nStandardInput=null\nStandardOutput=null\n"
                   "StandardError=null\nLogLevelMax=notice\n", /* a probe's starts and ends would fill the journal */
                   slice, BESIDE_STOP_S);
        package_paths(b, u->file, u->mounts, u->given);
        if (u->who.foreign)
                buf_str(b, "AmbientCapabilities=\n");
        if (unit_file_says(u->file, "MountImages", "")) /* package_paths() has them */
                buf_str(b, "MountImages=\n");
        /* The package says what its daemon executes, which is itself; what runs beside it is policy's to say. */
        if (*unit_file_get(u->file, "NoExecPaths"))
                buf_str(b, "NoExecPaths=\nExecPaths=\n");
        if (u->carried)
                buf_printf(b, "LoadCredential=" UNIT_TEXT_CARRIED ":" POD_RUN_DIR "/%s/env/%s.beside\n", pod->uid,
                           u->container);
        identity_lines(b, u);
        if (u->who.become && !u->file) /* vks-exec begins as root by its own line ("!"); no other line would */
                buf_str(b, "User=" FALLBACK_USER "\nUnsetEnvironment=HOME LOGNAME SHELL USER\n");
        working_dir_line(b, u);
        view_directories(b, u, true);
        if (!u->who.become)
                buf_printf(b, "EnvironmentFile=-" POD_RUN_DIR "/%s/env/%s\n", pod->uid, u->container);
        view_mounts(b, u);
}

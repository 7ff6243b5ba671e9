/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a pod says, each line of its drop-in is one that we meant to write. */
#include <stdlib.h>

#include "common/mem.h"
#include "helper/text/unit_text.h"
#include "tests/fuzz/fuzz.h"

static bool ours(const char *line)
{
        static const char *const starts[] = {
                "[X-Kubernetes]",
                "UID=",
                "Namespace=",
                "Pod=",
                "Container=",
                "Image=",
                "Package=",
                "PackageUnit=",
                "RestartPolicy=",
                "Mark=",
                "[Unit]",
                "DefaultDependencies=",
                "StartLimitIntervalSec=",
                "Requires=run-vks",
                "After=run-vks",
                "After=vks-log.service",
                "[Service]",
                "Slice=",
                "LogExtraFields=",
                "Restart=",
                "RestartSec=",
                "RemainAfterExit=",
                "TimeoutStopSec=",
                "SendSIGKILL=",
                "SuccessExitStatus=",
                "RestartPreventExitStatus=",
                "RestartForceExitStatus=",
                "LogRateLimitIntervalSec=",
                "LogRateLimitBurst=",
                "OOMPolicy=kill",
                "StandardOutput=",
                "StandardError=",
                "Type=exec",
                "PIDFile=",
                "WatchdogSec=",
                "KillMode=",
                "KillSignal=SIGUSR1",
                "ExecStart=\"/bin/x\"",
                "User=",
                "DynamicUser=",
                "SupplementaryGroups=",
                "Group=",
                "AmbientCapabilities=",
                "NoNewPrivileges=",
                "WorkingDirectory=",
                "EnvironmentFile=",
                "ProtectSystem=",
                "ProtectHome=",
                "PrivateTmp=",
                "ReadOnlyPaths=",
                "ReadWritePaths=",
                "InaccessiblePaths=",
                "BindReadOnlyPaths=",
                "BindPaths=",
                "RestrictSUIDSGID=",
        };

        if (!*line || streq(line, "ExecStart="))
                return true;
        for (size_t i = 0; i < ARRAY_LEN(starts); i++)
                if (starts[i][0] == *line && starts_with(line, starts[i]))
                        return true;
        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct pod_id pod = { "default", "web", "0f6c2a9e-1234-4abc-8def-0123456789ab" };
        static const struct mount_plan none;
        static const struct given no_dirs;
        CLEANUP(freep) char *word = xmemdup(data, size);
        CLEANUP(buf_done) struct buf b = BUF(4 << 20), env = BUF(4 << 20), carried = BUF(4 << 20);
        char *words[] = { word, word }; /* a command's first is the program */
        struct unit_text u = { .pod = &pod,
                               .container = "c",
                               .image = "/bin/x",
                               .package = "",
                               .package_unit = "",
                               .program = "/bin/x",
                               .command = words,
                               .args = words,
                               .n_args = 1,
                               .n_command = 2,
                               .working_dir = "/100%",
                               .stop_signal = "SIGUSR1",
                               .message = true,
                               .mounts = &none,
                               .given = &no_dirs };

        unit_text_dropin(&u, &b);
        for (char *line = b.data; line && *line;) {
                size_t n = strcspn(line, "\n");
                bool more = line[n] == '\n';

                line[n] = '\0';
                if (!ours(line) || (n && line[n - 1] == '\\'))
                        abort();
                for (size_t i = 0; i < n; i++)
                        if ((unsigned char)line[i] < ' ' || (unsigned char)line[i] >= 0x7f)
                                abort();
                line += n + more;
        }
        unit_text_env(&u, "A", data, size, &env, &carried);
        if ((env.len > 0) == (carried.len > 0))
                abort();
        return 0;
}

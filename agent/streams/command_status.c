/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/streams/command_status.h"

#include <stdio.h>

#include "agent/lib/json.h"
#include "common/mem.h"
#include "common/utf8.h"

static cJSON *exit_cause(int exit_code)
{
        cJSON *cause = cJSON_CreateObject();
        char number[16];

        snprintf(number, sizeof(number), "%d", exit_code);
        cJSON_AddStringToObject(cause, "reason", "ExitCode");
        cJSON_AddStringToObject(cause, "message", number);
        return cause;
}

static cJSON *text_cause(const char *text)
{
        cJSON *cause = cJSON_CreateObject();

        cJSON_AddStringToObject(cause, "message", text);
        return cause;
}

/* metav1.Status, as k8s.io/apimachinery's remotecommand has it since version 4 */
static char *status_json(int exit_code, const char *message, const char *text)
{
        cJSON *status = cJSON_CreateObject(), *causes;
        char *json;

        cJSON_AddItemToObject(status, "metadata", cJSON_CreateObject());
        cJSON_AddStringToObject(status, "status", exit_code == 0 ? "Success" : "Failure");
        if (exit_code != 0) {
                cJSON_AddStringToObject(status, "message", message);
                cJSON_AddStringToObject(status, "reason", exit_code > 0 ? "NonZeroExitCode" : "InternalError");
                causes = cJSON_AddArrayToObject(cJSON_AddObjectToObject(status, "details"), "causes");
                cJSON_AddItemToArray(causes, exit_code > 0 ? exit_cause(exit_code) : text_cause(text));
                if (exit_code < 0)
                        cJSON_AddNumberToObject(status, "code", 500);
        }
        json = cJSON_PrintUnformatted(status);
        cJSON_Delete(status);
        return json;
}

char *command_status(unsigned version, int exit_code, const char *text)
{
        CLEANUP(freep) char *clean = xstrdup(text ? text : ""), *message = NULL;

        utf8_mend(clean, "\t\n");
        if (exit_code > 0)
                message = xasprintf("command terminated with non-zero exit code: exit status %d", exit_code);
        else if (exit_code < 0)
                message = xasprintf("Internal error occurred: %s", clean);
        if (version >= 4)
                return status_json(exit_code, message, clean);
        return message ? TAKE(message) : xstrdup(""); /* silence is success */
}

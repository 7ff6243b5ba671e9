/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/json.h"
#include "agent/pod/object.h"
#include "common/mem.h"

#define OBJECT                                                                                                         \
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"uid\":\"1\",\"resourceVersion\":"      \
        "\"7\",\"labels\":{\"a\":\"b\"},\"managedFields\":[{\"manager\":\"kubectl\"}]},\"spec\":{\"containers\":[{"    \
        "\"name\":\"c\",\"image\":\"c\"}],\"nodeName\":\"n\"},\"status\":{\"phase\":\"Pending\",\"qosClass\":"         \
        "\"BestEffort\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"},{\"type\":\"example.org/gate\","     \
        "\"status\":\"True\"}]}}"

static char *kept(const char *object, bool over)
{
        cJSON *o = json_parse(object, strlen(object));
        CLEANUP(freep) char *before = cJSON_PrintUnformatted(o);
        CLEANUP(freep) char *text = object_text(o, over);
        CLEANUP(freep) char *after = cJSON_PrintUnformatted(o);

        cr_assert_str_eq(before, after); /* it was only looked at */
        cJSON_Delete(o);
        return TAKE(text);
}

static void shown(const char *text, const char *version, const char *status, const char *want)
{
        cJSON *o = object_shown(text, version, status ? json_parse(status, strlen(status)) : NULL);
        CLEANUP(freep) char *got = cJSON_PrintUnformatted(o);

        cr_assert_str_eq(got, want);
        cJSON_Delete(o);
}

Test(object, what_changes_with_each_status_is_not_kept)
{
        CLEANUP(freep) char *text = kept(OBJECT, false);

        cr_assert_str_eq(text, "{\"metadata\":{\"name\":\"p\",\"uid\":\"1\",\"labels\":{\"a\":\"b\"}},\"spec\":{"
                               "\"containers\":[{\"name\":\"c\",\"image\":\"c\"}],\"nodeName\":\"n\"},\"status\":{"
                               "\"conditions\":[{\"type\":\"example.org/gate\",\"status\":\"True\"}],\"qosClass\":"
                               "\"BestEffort\"}}");
}

Test(object, a_final_status_is_kept_whole)
{
        CLEANUP(freep) char *text = kept("{\"metadata\":{},\"status\":{\"phase\":\"Failed\",\"reason\":\"x\"}}", true);

        cr_assert_str_eq(text, "{\"metadata\":{},\"status\":{\"phase\":\"Failed\",\"reason\":\"x\"}}");
        shown(text, "9", NULL,
              "{\"metadata\":{\"resourceVersion\":\"9\"},\"status\":{\"phase\":\"Failed\",\"reason\":\"x\"}}");
}

Test(object, the_nodes_own_status_lies_over_what_others_say)
{
        CLEANUP(freep) char *text = kept(OBJECT, false);

        shown(text, "",
              "{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"message\":null}]}",
              "{\"metadata\":{\"name\":\"p\",\"uid\":\"1\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{"
              "\"name\":\"c\",\"image\":\"c\"}],\"nodeName\":\"n\"},\"status\":{\"phase\":\"Running\",\"conditions\":["
              "{\"type\":\"Ready\",\"status\":\"True\"},{\"type\":\"example.org/gate\",\"status\":\"True\"}],"
              "\"qosClass\":\"BestEffort\"}}");
}

Test(object, a_pod_of_a_file_has_no_status_of_others)
{
        CLEANUP(freep) char *text = kept("{\"metadata\":{\"name\":\"p\"},\"spec\":{}}", false);

        cr_assert_str_eq(text, "{\"metadata\":{\"name\":\"p\"},\"spec\":{}}");
        shown(text, "", "{\"phase\":\"Running\"}",
              "{\"metadata\":{\"name\":\"p\"},\"spec\":{},\"status\":{\"phase\":\"Running\"}}");
        cr_assert_null(object_shown("{", "", NULL));
        cr_assert_null(object_shown(NULL, "", cJSON_CreateObject()));
        cr_assert_null(object_shown(NULL, "", cJSON_Parse("{\"conditions\":[{\"message\":null}]}")));
}

Test(object, the_conditions_of_a_resize_are_the_nodes_own)
{
        CLEANUP(freep)
        char *text = kept("{\"status\":{\"conditions\":[{\"type\":\"PodResizePending\"},{\"type\":\"x\"},{\"type\":"
                          "\"PodResizeInProgress\"},{\"type\":\"PodScheduled\"}]}}",
                          false);

        cr_assert_str_eq(text, "{\"status\":{\"conditions\":[{\"type\":\"x\"}]}}");
}

Test(object, what_the_nodes_status_says_nothing_of_stays)
{
        shown("{\"status\":{\"qosClass\":\"Burstable\",\"conditions\":[{\"type\":\"x\"}]}}", "",
              "{\"phase\":\"Running\"}",
              "{\"status\":{\"phase\":\"Running\",\"qosClass\":\"Burstable\",\"conditions\":[{\"type\":\"x\"}]}}");
        shown("{\"status\":{\"qosClass\":\"Burstable\"}}", "", "{\"qosClass\":\"Guaranteed\"}",
              "{\"status\":{\"qosClass\":\"Guaranteed\"}}");
}

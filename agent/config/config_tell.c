/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "agent/config/config_rows.h"
#include "agent/lib/quantity.h"
#include "common/buf.h"

enum { VALUE_MAX = 256 * 1024 };

static const char *or_empty(const char *s)
{
        return s ? s : "";
}

static void tell_words(char *const *words, struct buf *ret)
{
        for (size_t i = 0; words && words[i]; i++)
                buf_printf(ret, "%s%s", i ? "," : "", words[i]);
}

static void tell_reserved(const struct config_reserved *r, struct buf *ret)
{
        char text[QUANTITY_TEXT_MAX];
        const char *between = "";

        if (r->cpu_milli) {
                quantity_milli_text(r->cpu_milli, text);
                buf_printf(ret, "cpu=%s", text);
                between = ",";
        }
        if (r->memory) {
                quantity_bytes_text(r->memory, text);
                buf_printf(ret, "%smemory=%s", between, text);
                between = ",";
        }
        if (r->storage) {
                quantity_bytes_text(r->storage, text);
                buf_printf(ret, "%sephemeral-storage=%s", between, text);
        }
}

static void tell_amounts(const struct config_amount *list, char sign, struct buf *ret)
{
        char text[32];

        for (size_t i = 0; i < EVICTION_SIGNALS; i++) {
                if (!list[i].set)
                        continue;
                config_amount_text(&list[i], text);
                buf_printf(ret, "%s%s%c%s", ret->len ? "," : "", eviction_signal_names[i], sign, text);
        }
}

static void tell_graces(const struct config_eviction *v, struct buf *ret)
{
        char text[64];

        for (size_t i = 0; i < EVICTION_SIGNALS; i++) {
                if (!v->has_grace[i])
                        continue;
                config_duration_text(v->grace_usec[i], text);
                buf_printf(ret, "%s%s=%s", ret->len ? "," : "", eviction_signal_names[i], text);
        }
}

static void tell_value(const struct config *c, const struct config_row *row, struct buf *ret)
{
        const void *at = row->at == SIZE_MAX ? &c->file : (const void *)((const char *)c + row->at);
        char text[64];

        switch (row->type) {
        case STRING:
        case NAME:
                buf_str(ret, or_empty(*(char *const *)at));
                break;
        case BOOL:
                buf_str(ret, *(const bool *)at ? "true" : "false");
                break;
        case MODE:
                buf_str(ret, *(const bool *)at ? "AlwaysAllow" : "Webhook");
                break;
        case FORWARD:
                buf_str(ret, config_forward_words[*(const enum config_port_forward *)at]);
                break;
        case PORT:
                buf_printf(ret, "%u", *(const uint16_t *)at);
                break;
        case COUNT:
                buf_printf(ret, "%u", *(const unsigned *)at);
                break;
        case PIDS:
                if (*(const unsigned *)at)
                        buf_printf(ret, "%u", *(const unsigned *)at);
                else
                        buf_str(ret, "-1");
                break;
        case TIME:
                config_duration_text(*(const uint64_t *)at, text);
                buf_str(ret, text);
                break;
        case LEVEL:
                for (size_t i = 0; i < CONFIG_LEVELS; i++)
                        if (config_levels[i].level == *(const int *)at)
                                buf_str(ret, config_levels[i].name);
                break;
        case IPS:
        case WORDS:
                tell_words(*(char *const *const *)at, ret);
                break;
        case LABELS:
                for (size_t i = 0; i < c->n_labels; i++)
                        buf_printf(ret, "%s%s=%s", i ? "," : "", c->labels[i].key, c->labels[i].value);
                break;
        case RESERVED:
                tell_reserved(at, ret);
                break;
        case THRESHOLDS:
                tell_amounts(at, '<', ret);
                break;
        case RECLAIM:
                tell_amounts(at, '=', ret);
                break;
        case GRACES:
                tell_graces(at, ret);
                break;
        case PRIORITIES:
                for (size_t i = 0; i < c->shutdown.n; i++)
                        buf_printf(ret, "%s%lld=%llu", i ? "," : "", (long long)c->shutdown.classes[i].priority,
                                   (unsigned long long)c->shutdown.classes[i].seconds);
                break;
        }
}

static int by_flag(const void *a, const void *b)
{
        return strcmp((*(const struct config_row *const *)a)->flag, (*(const struct config_row *const *)b)->flag);
}

void config_tell(const struct config *c, void (*tell)(void *userdata, const char *flag, const char *value),
                 void *userdata)
{
        const struct config_row *sorted[CONFIG_ROWS];

        for (size_t i = 0; i < CONFIG_ROWS; i++)
                sorted[i] = &config_rows[i];
        qsort(sorted, ARRAY_LEN(sorted), sizeof(sorted[0]), by_flag);
        for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
                CLEANUP(buf_done) struct buf value = BUF(VALUE_MAX);

                tell_value(c, sorted[i], &value);
                tell(userdata, sorted[i]->flag, value.data ? value.data : "");
        }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What is written about the agent's settings is what the agent takes. Runs at the top of the source tree. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/mem.h"

static char *text_of(const char *path)
{
        struct err e = ERR_NONE;
        char *text = NULL;
        size_t size;

        cr_assert_eq(file_read(path, 1 << 20, &text, &size, &e), 0, "%s", e.text);
        return text;
}

static char *help_text(void)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        config_help(f);
        fclose(f);
        return text;
}

Test(packaging, the_manual_has_every_flag)
{
        CLEANUP(freep) char *manual = text_of("packaging/man/vks-agent.8"), *help = help_text();
        int n = 0;

        for (char *s = help; (s = strstr(s, "\n  --")); n++) {
                CLEANUP(freep) char *flag = NULL, *words = NULL;
                s += 5;
                flag = xstrndup(s, strcspn(s, " "));
                words = xasprintf("Fl Fl %s", flag);
                cr_expect_not_null(strstr(manual, words), "--%s", flag);
        }
        cr_assert_gt(n, 15);
}

/* Settings are the lines that begin with "#" and no blank, and what is indented beneath them. */
Test(packaging, every_setting_of_the_sample_is_taken)
{
        CLEANUP(freep) char *sample = text_of("packaging/agent.yaml");
        CLEANUP(config_freep) struct config *c = NULL;
        CLEANUP(buf_done) struct buf settings = BUF(1 << 20);
        char path[] = "/tmp/vks-sample-XXXXXX", *argv[] = { (char *)"vks-agent", (char *)"--config", path, NULL };
        struct err e = ERR_NONE;
        int fd = mkstemp(path), r;

        for (char *s = sample, *end; *s; s = *end ? end + 1 : end) {
                end = strchrnul(s, '\n');
                if (s[0] == '#' && (s[1] != ' ' || s[2] == ' '))
                        buf_printf(&settings, "%.*s\n", (int)(end - s - 1), s + 1);
        }
        cr_assert(fd >= 0 && write(fd, settings.data, settings.len) == (ssize_t)settings.len);
        close(fd);
        r = config_new(3, argv, "/nonexistent", "host", &c, &e);
        unlink(path);
        cr_assert_eq(r, 0, "%s", e.text);
        cr_assert(streq(c->node_name, "node1") && c->n_labels == 1 && c->kube_reserved.cpu_milli == 100 && c->node_ips);
}

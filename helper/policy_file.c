/* SPDX-License-Identifier: Apache-2.0 */
/* The policy that a request is judged by: what its file says at that moment, and not what it said when the agent
 * connected. */
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "common/file.h"
#include "common/mem.h"
#include "helper/helper.h"
#include "policy/policy_conf.h"

#define QUIET_NS INT64_C(1000000000)

/* The file, or where there is none what is left of the way to it: an editor may take the file away before it puts
 * another one there, and without a file the defaults would be in force. */
static void look(const char *path, struct stat *ret)
{
        CLEANUP(freep) char *at = xstrdup(path);

        *ret = (struct stat){ 0 };
        for (char *slash; stat(at, ret) < 0 && (slash = strrchr(at, '/')) && slash > at;)
                *slash = '\0';
}

/*
 * A file that is just being written may lack the line that forbids, and nothing shows that it is not whole. So what was
 * changed within the last second is not believed yet, nor what was changed while it was read. A time in the future (the
 * clock was set back) is no sign of a writer.
 */
static bool is_quiet(const struct stat *before, const struct stat *st)
{
        struct timespec now;
        int64_t age;

        clock_gettime(CLOCK_REALTIME, &now);
        age = (now.tv_sec - st->st_mtim.tv_sec) * INT64_C(1000000000) + now.tv_nsec - st->st_mtim.tv_nsec;
        return (age < 0 || age >= QUIET_NS) && before->st_ino == st->st_ino &&
               before->st_ctim.tv_sec == st->st_ctim.tv_sec && before->st_ctim.tv_nsec == st->st_ctim.tv_nsec;
}

int policy_file_read(const char *path, char **ret_text, size_t *ret_size, struct err *e)
{
        int r = file_read(path, POLICY_SIZE_MAX, ret_text, ret_size, e);
        struct stat st;

        /* A link that leads nowhere is no policy that is not there: it may be on a disk that is not mounted yet. */
        return r == -ENOENT && streq(path, POLICY_FILE) && lstat(path, &st) < 0 ? 0 : r;
}

int policy_file_follow(struct machine *m, struct err *e)
{
        struct policy_file *f = &m->policy_file;
        CLEANUP(freep) char *text = NULL;
        struct err why = ERR_NONE;
        struct stat before, st;
        size_t size = 0;
        int r;

        look(f->path, &before);
        r = policy_file_read(f->path, &text, &size, &why);
        look(f->path, &st);
        if (!is_quiet(&before, &st))
                return err_set(e, -EAGAIN, "policy", "%s was changed a moment ago, and may not be whole yet", f->path);
        if (r == 0 && m->policy && f->size == size && (size == 0 || memcmp(f->text, text, size) == 0))
                return 0;
        policy_file_forget(m);
        if (r == 0)
                r = policy_parse(f->path, text, size, &m->policy, &why);
        if (r < 0)
                return err_set(e, -EAGAIN, "policy", "nothing is allowed while the policy has a mistake: %s", why.text);
        f->text = TAKE(text);
        f->size = size;
        return 0;
}

void policy_file_forget(struct machine *m)
{
        m->policy = policy_free(m->policy);
        free(TAKE(m->policy_file.text));
}

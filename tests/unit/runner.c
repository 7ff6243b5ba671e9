/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In criterion's place, for tests/mutants: each test in a process forked from this one, until the first that fails.
 * What criterion does besides (a process started anew and a socket for each test, reports) takes it twenty times as
 * long, and a mutant wants one word: the exit code. The tests are those linked with this, in the linker's order; with
 * an argument, those of this file alone.
 */
#include <criterion/criterion.h>
#include <criterion/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEST_SECONDS = 120 }; /* a machine may be busy; an endless loop ends by its processor time */

/* Where Test() and TestSuite() put what they declare. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));

struct criterion_options criterion_options; /* as it is by default, without criterion's library */

static const struct criterion_test *test;
static const struct criterion_test_extra_data *suite; /* NULL: the test's file has none of its name */
static bool *failed;                                  /* the children's children say it here as well */
static jmp_buf step_ends;

/* What a failed assertion leaves; teardown follows all the same. */
static void step(void (*f)(void))
{
        if (f && setjmp(step_ends) == 0)
                f();
}

void criterion_internal_test_setup(void)
{
        step(suite ? suite->init : NULL);
        step(test->data->init);
}

void criterion_internal_test_main(void (*f)(void))
{
        step(f);
}

void criterion_internal_test_teardown(void)
{
        step(test->data->fini);
        step(suite ? suite->fini : NULL);
}

void cri_asserts_passed_incr(void)
{
}

void criterion_send_assert(struct criterion_assert_stats *a)
{
        if (a->passed)
                return;
        *failed = true;
        fprintf(stderr, "%s:%u: %s/%s: %s\n", a->file, a->line, test->category, test->name, a->message);
}

void criterion_continue_test(void)
{
}

void criterion_abort_test(void)
{
        longjmp(step_ends, 1);
}

void criterion_skip_test(const char *format, ...)
{
        (void)format;
        longjmp(step_ends, 1);
}

char *cr_translate_assert_msg(int index, ...)
{
        (void)index;
        return strdup("an assertion fails");
}

int cr_asprintf(char **text, const char *format, ...)
{
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(text, format, ap);
        va_end(ap);
        return n;
}

void cr_asprintf_free(char *text)
{
        free(text);
}

static const struct criterion_test_extra_data *suite_of(const struct criterion_test *t)
{
        for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++)
                if (strcmp((*s)->name, t->category) == 0 && strcmp((*s)->data->file_, t->data->file_) == 0)
                        return (*s)->data;
        return NULL;
}

static bool passes(const struct criterion_test *t)
{
        pid_t child;
        int status;

        test = t;
        suite = suite_of(t);
        child = fork();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                t->test();
                exit(0); /* where LeakSanitizer has its say */
        }
        alarm(TEST_SECONDS); /* ends this process, and the test with it */
        return child > 0 && waitpid(child, &status, 0) == child && status == 0 && !*failed;
}

int main(int argc, char *argv[])
{
        failed = mmap(NULL, sizeof(*failed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (failed == MAP_FAILED)
                return 1;
        for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++)
                if ((argc < 2 || strcmp(argv[1], (*t)->data->file_) == 0) && !passes(*t))
                        return 1;
        return 0;
}

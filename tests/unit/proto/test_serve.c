/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's door. Each test has a server in a process of its own. */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "proto/serve.h"

enum { STRANGER = 65534 };

static struct sockaddr_un address;
static int listener;
static pid_t server;
static volatile struct {
        unsigned times;
        time_t seconds;
} * deadline; /* what the server has set its alarm to, and how often: shared with it */

/* In libc's place: tells the test. */
int setitimer(__itimer_which_t which, const struct itimerval *new, struct itimerval *old)
{
        deadline->times += new->it_value.tv_sec != 0;
        deadline->seconds = new->it_value.tv_sec;
        return (int)syscall(SYS_setitimer, which, new, old);
}

/* The time that is left to who has a deadline passes now. */
static int wait_for_ever(void)
{
        struct itimerval left;

        if (getitimer(ITIMER_REAL, &left) == 0 && timerisset(&left.it_value) && left.it_value.tv_sec <= SERVE_SECONDS)
                syscall(SYS_setitimer, ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = 1 }, NULL);
        return pause();
}

static int echo(UNUSED void *data, int sock, UNUSED struct err *e)
{
        char byte;
        ssize_t n = recv(sock, &byte, 1, 0);

        return n == 1 && byte == 'w' ? wait_for_ever() : n == 1 ? (int)send(sock, &byte, 1, 0) : 0;
}

static volatile unsigned *spare_left; /* slices of spare work: shared with the server */

static bool spare(UNUSED void *data)
{
        if (*spare_left > 0)
                --*spare_left;
        return *spare_left > 0;
}

/* Whoever dials before start() is there before the server is. */
static void setup(void)
{
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        char dir[] = "/tmp/vks-serve-XXXXXX";

        deadline = mmap(NULL, sizeof(*deadline), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq((void *)(uintptr_t)deadline, MAP_FAILED);
        spare_left = mmap(NULL, sizeof(*spare_left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq((void *)(uintptr_t)spare_left, MAP_FAILED);
        cr_assert(mkdtemp(dir) && chmod(dir, 0711) == 0);
        address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
        cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        cr_assert(chmod(address.sun_path, 0666) == 0 && listen(fd, 64) == 0);
        listener = fd;
}

static void start(uid_t uid, unsigned idle_ms, int not_its)
{
        server = fork();
        if (server == 0) {
                sd_event *event = NULL;

                fd_close(not_its);
                _exit(sd_event_new(&event) < 0 ||
                      serve(event, listener, uid, idle_ms * UINT64_C(1000), echo, spare, NULL) < 0);
        }
        fd_close(listener);
}

static int dial(void)
{
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* One byte there and back; false: the connection is closed. */
static bool answers(int fd, char byte)
{
        char back = 0;

        return send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &back, 1, 0) == 1 && back == byte;
}

static int end(void)
{
        int status = -1;

        cr_assert_eq(waitpid(server, &status, 0), server);
        return status;
}

static void clean(void)
{
        if (server > 0)
                kill(server, SIGKILL);
        unlink(address.sun_path);
        *strrchr(address.sun_path, '/') = '\0';
        rmdir(address.sun_path);
}

TestSuite(serve, .init = setup, .fini = clean, .timeout = 600);

Test(serve, a_request_that_does_not_end_ends_the_process)
{
        start(getuid(), 100000, -1);
        FD fd = dial();

        cr_assert(answers(fd, 'a'));
        cr_assert_not(answers(fd, 'w'), "the connection goes with the process");
        int status = end();
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM, "status %x", (unsigned)status);
}

Test(serve, waiting_for_a_request_is_not_working_on_one)
{
        FD fd = dial();

        start(getuid(), 1, fd);
        cr_assert(answers(fd, 'a'));
        while (deadline->seconds != 0) /* as soon as the answer is out */
                sched_yield();
        cr_assert_geq(deadline->times, 1);
        fd_close(fd_take(&fd));
        int status = end();
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: it leaves by itself when idle",
                  (unsigned)status);
}

Test(serve, who_is_connected_keeps_it_from_leaving)
{
        FD fd = dial();

        start(getuid(), 1, fd);
        cr_assert(answers(fd, 'a'));
        nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 }, NULL);
        cr_assert(answers(fd, 'b'));
}

Test(serve, only_its_user_and_root_are_answered)
{
        if (getuid() != 0)
                cr_skip_test("only root can be somebody else");
        start(STRANGER - 1, 100000, -1);
        for (uid_t uid = 0; uid <= STRANGER; uid += uid ? 1 : STRANGER - 2) {
                pid_t pid = fork();
                int status = -1;

                if (pid == 0)
                        _exit(setresuid(uid, uid, uid) == 0 && answers(dial(), 'a') ? 0 : 1);
                cr_assert_eq(waitpid(pid, &status, 0), pid);
                cr_expect_eq(WEXITSTATUS(status), uid == 0 || uid == STRANGER - 1 ? 0 : 1, "uid %u", uid);
        }
}

Test(serve, there_is_room_for_a_few_and_again_when_one_leaves)
{
        int fds[SERVE_PEERS_MAX];
        FD more = -1;

        start(getuid(), 100000, -1);
        for (int i = 0; i < SERVE_PEERS_MAX; i++)
                cr_assert(answers(fds[i] = dial(), 'a'));
        more = dial();
        cr_assert_not(answers(more, 'b'));
        fd_close(fds[0]);
        cr_assert(answers(fds[1], 'c'));
        fd_close(more);
        do { /* the server sees the one leave when it gets to it */
                more = dial();
        } while (!answers(more, 'd') && fd_close(more));
        for (int i = 1; i < SERVE_PEERS_MAX; i++)
                fd_close(fds[i]);
}

/* Whoever asks does not wait for the end of it, however many ask it gets on, and the server does not leave before. */
Test(serve, spare_work_is_done_between_requests)
{
        enum { LOTS = 2000 * 1000 * 1000 };
        unsigned before;

        *spare_left = LOTS;
        FD fd = dial();
        start(getuid(), 1, fd);
        for (int i = 0; i < 100; i++) {
                before = *spare_left;
                for (int k = 0; k < 10; k++)
                        cr_assert(answers(fd, 'a'));
                cr_assert_lt(*spare_left, before, "those who ask without end keep it from being done");
        }
        cr_assert_gt(*spare_left, 0, "they had to wait");
        fd_close(fd_take(&fd));
        before = *spare_left;
        while (*spare_left > before - 1000) /* it is idle, and stays */
                cr_assert_eq(waitpid(server, NULL, WNOHANG), 0);
        *spare_left = 1;
        int status = end();
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

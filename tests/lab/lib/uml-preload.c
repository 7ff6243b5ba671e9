/*
 * Preloaded into linux.uml (uml.sh), for two things that User-mode Linux 6.1 does wrong.
 *
 * User-mode Linux 6.1 sets the vector registers of its processes from a buffer that is as large as they were when it
 * was written. Linux takes them in one piece only, and with AMX that piece is larger: ptrace() answers EFAULT, and the
 * kernel in there panics as soon as it starts init ("ptrace set fp regs failed, errno = 14"). So the buffer is made as
 * large as any processor's; the kernel takes of it what it wants. AMX itself stays unused: a process has to ask for it
 * by an arch_prctl() that User-mode Linux does not have.
 */
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
        XSTATE_SIZE = 64 * 1024,
        XSTATE_BV = 512,     /* offset of the bits that say which components are in use */
        AMX_TILECFG_BIT = 17 /* the first component that has no place in the short buffer */
};

/*
 * A reboot is an exec of itself, to which the descriptors of the life before stay open: its tap device would be taken,
 * and the node without a network
 * ("user_init_tap: init failed").
 */
__attribute__((constructor)) static void forget_descriptors(void)
{
        close_range(STDERR_FILENO + 1, ~0U, 0);
}

/* Static, since a kernel's stack is small in there; one CPU, so nobody else uses it. What was not copied stays zero. */
static unsigned char xstate[XSTATE_SIZE];

static long set_xstate(pid_t pid, const struct iovec *given)
{
        struct iovec whole = { .iov_base = xstate, .iov_len = sizeof(xstate) };
        uint64_t used;

        if (given->iov_len < XSTATE_BV + sizeof(used) || given->iov_len > sizeof(xstate))
                return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, given);
        memcpy(xstate, given->iov_base, given->iov_len);
        memcpy(&used, xstate + XSTATE_BV, sizeof(used));
        used &= (UINT64_C(1) << AMX_TILECFG_BIT) - 1;
        memcpy(xstate + XSTATE_BV, &used, sizeof(used));
        return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, &whole);
}

/* In the C library's place, for all requests: those that peek return what the system call stores. */
long ptrace(enum __ptrace_request request, ...)
{
        va_list words;
        pid_t pid;
        void *addr;
        void *data;
        long peeked = 0;

        va_start(words, request);
        pid = va_arg(words, pid_t);
        addr = va_arg(words, void *);
        data = va_arg(words, void *);
        va_end(words);
        switch (request) {
        case PTRACE_SETREGSET:
                if (addr == (void *)NT_X86_XSTATE)
                        return set_xstate(pid, data);
                break;
        case PTRACE_PEEKTEXT:
        case PTRACE_PEEKDATA:
        case PTRACE_PEEKUSER:
                if (syscall(SYS_ptrace, request, pid, addr, &peeked) < 0)
                        return -1;
                return peeked;
        default:
                break;
        }
        return syscall(SYS_ptrace, request, pid, addr, data);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/facts.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <linux/in6.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/file.h"
#include "common/ids.h"
#include "common/mem.h"

enum { SMALL_FILE_MAX = 64 * 1024 };

/* ---- small files ------------------------------------------------------------------------------------------------- */

/* The caller owns it; NULL when it cannot be read. */
static char *slurp(const char *root, const char *path)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", root, path);
        char *text;
        size_t size;

        return file_read(full, SMALL_FILE_MAX, &text, &size, NULL) < 0 ? NULL : text;
}

/* The first line, into a string of `size`; left alone when there is none. */
static bool read_line(const char *root, const char *path, char *ret, size_t size)
{
        CLEANUP(freep) char *text = slurp(root, path);

        if (!text)
                return false;
        text[strcspn(text, "\n")] = '\0';
        if (!text[0])
                return false;
        snprintf(ret, size, "%s", text);
        return true;
}

static bool read_number(const char *root, const char *path, uint64_t *ret)
{
        char line[32];

        if (!read_line(root, path, line, sizeof(line)) || !isdigit((unsigned char)line[0]))
                return false;
        *ret = strtoull(line, NULL, 10);
        return true;
}

/* "MemTotal:   1234 kB" */
static bool meminfo(const char *text, const char *key, uint64_t *ret)
{
        size_t n = strlen(key);

        for (const char *s = text; s; s = strchr(s, '\n')) {
                s += *s == '\n';
                if (strncmp(s, key, n) == 0 && s[n] == ':') {
                        *ret = strtoull(s + n + 1, NULL, 10) * 1024;
                        return true;
                }
        }
        return false;
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

static bool is_usable(const struct sockaddr *a)
{
        if (a->sa_family == AF_INET) {
                uint32_t v4 = ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr);
                return v4 != 0 && v4 >> 24 != 127 && v4 >> 16 != 0xa9fe;
        } else {
                const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
                return !IN6_IS_ADDR_UNSPECIFIED(v6) && !IN6_IS_ADDR_LOOPBACK(v6) && !IN6_IS_ADDR_LINKLOCAL(v6) &&
                       !IN6_IS_ADDR_V4MAPPED(v6);
        }
}

static void print_address(const struct sockaddr *a, char *ret, socklen_t size)
{
        if (a->sa_family == AF_INET)
                inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, ret, size);
        else
                inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, ret, size);
}

/*
 * The source address of the default route: connecting a datagram socket makes the kernel choose one, and sends nothing.
 * Where to does not matter as long as it is far away; this is the first root name server.
 */
static bool route_address(int family, char *ret, socklen_t size)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } a = { 0 };
        socklen_t n = family == AF_INET ? sizeof(a.v4) : sizeof(a.v6);
        int stable = IPV6_PREFER_SRC_PUBLIC; /* not one that privacy extensions change every day */
        FD fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return false;
        if (family == AF_INET) {
                a.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(53) };
                inet_pton(AF_INET, "198.41.0.4", &a.v4.sin_addr);
        } else {
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &stable, sizeof(stable));
                a.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(53) };
                inet_pton(AF_INET6, "2001:503:ba3e::2:30", &a.v6.sin6_addr);
        }
        if (connect(fd, &a.any, n) < 0 || getsockname(fd, &a.any, &n) < 0 || !is_usable(&a.any))
                return false;
        print_address(&a.any, ret, size);
        return true;
}

/* A machine without a default route still has the addresses of its networks. */
static bool interface_address(int family, char *ret, socklen_t size)
{
        struct ifaddrs *list, *i;
        bool found = false;

        if (getifaddrs(&list) < 0)
                return false;
        for (i = list; i && !found; i = i->ifa_next)
                if (i->ifa_addr && i->ifa_addr->sa_family == family && (i->ifa_flags & IFF_UP) &&
                    is_usable(i->ifa_addr)) {
                        print_address(i->ifa_addr, ret, size);
                        found = true;
                }
        freeifaddrs(list);
        return found;
}

static void read_addresses(struct facts *f)
{
        char v4[INET_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];

        /* While a network is being reconfigured the address that was known stays. */
        if (route_address(AF_INET, v4, sizeof(v4)) || (!f->ipv4[0] && interface_address(AF_INET, v4, sizeof(v4))))
                memcpy(f->ipv4, v4, sizeof(v4));
        if (route_address(AF_INET6, v6, sizeof(v6)) || (!f->ipv6[0] && interface_address(AF_INET6, v6, sizeof(v6))))
                memcpy(f->ipv6, v6, sizeof(v6));
}

/* ---- what does not change ---------------------------------------------------------------------------------------- */

void facts_hostname(char ret[254])
{
        char name[HOST_NAME_MAX + 1] = "";
        size_t n;

        (void)gethostname(name, sizeof(name) - 1);
        n = strlen(name);
        if (n > 0 && name[n - 1] == '.')
                name[--n] = '\0';
        for (size_t i = 0; i <= n; i++)
                ret[i] = (char)tolower((unsigned char)name[i]);
}

static void go_arch(const char *machine, char *ret, size_t size)
{
        static const char *const names[][2] = { { "x86_64", "amd64" },    { "aarch64", "arm64" },
                                                { "armv7l", "arm" },      { "armv6l", "arm" },
                                                { "i686", "386" },        { "i586", "386" },
                                                { "ppc64le", "ppc64le" }, { "s390x", "s390x" },
                                                { "riscv64", "riscv64" }, { "loongarch64", "loong64" } };

        snprintf(ret, size, "%.15s", machine);
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (streq(names[i][0], machine))
                        snprintf(ret, size, "%s", names[i][1]);
}

/* PRETTY_NAME of os-release(5), without its quotes. */
static void read_os_image(const char *root, struct facts *f)
{
        static const char key[] = "PRETTY_NAME=";
        CLEANUP(freep) char *text = slurp(root, "/etc/os-release");
        size_t n;

        snprintf(f->os_image, sizeof(f->os_image), "Linux");
        for (const char *s = text; s; s = strchr(s, '\n')) {
                s += *s == '\n';
                if (!starts_with(s, key))
                        continue;
                s += sizeof(key) - 1;
                n = strcspn(s, "\n");
                if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0])
                        s++, n -= 2;
                if (n > 0)
                        snprintf(f->os_image, sizeof(f->os_image), "%.*s", (int)n, s);
                return;
        }
}

/* 32 hex digits in the form of a UUID. */
static void machine_uuid(const char *id, char ret[37])
{
        if (strlen(id) == 32)
                snprintf(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16, id + 20);
        else
                snprintf(ret, 37, "%s", id);
}

static bool exists(const char *root, const char *path)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", root, path);

        return access(full, F_OK) == 0;
}

int facts_read(const char *root, const char *systemd_version, struct facts *ret, struct err *e)
{
        CLEANUP(freep) char *memory = slurp(root, "/proc/meminfo");
        struct facts f = { 0 };
        struct utsname u;
        int cpus = get_nprocs();

        if (!memory || !meminfo(memory, "MemTotal", &f.mem_total))
                return err_set(e, -ENOENT, NULL, "%s/proc/meminfo does not tell how much memory there is", root);
        if (uname(&u) < 0)
                return err_errno(e, -errno, NULL, "uname");
        facts_hostname(f.hostname);
        snprintf(f.kernel, sizeof(f.kernel), "%s", u.release);
        go_arch(u.machine, f.arch, sizeof(f.arch));
        f.cpus = cpus > 0 ? (unsigned)cpus : 1;
        (void)read_line(root, "/etc/machine-id", f.machine_id, sizeof(f.machine_id));
        (void)read_line(root, "/proc/sys/kernel/random/boot_id", f.boot_id, sizeof(f.boot_id));
        if (!read_line(root, "/sys/class/dmi/id/product_uuid", f.system_uuid, sizeof(f.system_uuid)))
                machine_uuid(f.machine_id, f.system_uuid);
        read_os_image(root, &f);
        snprintf(f.systemd, sizeof(f.systemd), "%s", systemd_version ? systemd_version : "");
        f.hugepages_2m = exists(root, "/sys/kernel/mm/hugepages/hugepages-2048kB");
        f.hugepages_1g = exists(root, "/sys/kernel/mm/hugepages/hugepages-1048576kB");
        facts_refresh(root, &f);
        *ret = f;
        return 0;
}

/* ---- what does --------------------------------------------------------------------------------------------------- */

bool facts_filesystem(const char *root, struct statvfs *ret)
{
        static const char *const paths[] = { "/var/lib/vks", "/var", "/" };

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                CLEANUP(freep) char *full = xasprintf("%s%s", root, paths[i]);

                if (statvfs(full, ret) == 0)
                        return true;
        }
        return false;
}

static void read_filesystem(const char *root, struct facts *f)
{
        struct statvfs v;

        if (!facts_filesystem(root, &v))
                return;
        f->fs_total = (uint64_t)v.f_blocks * v.f_frsize;
        f->fs_available = (uint64_t)v.f_bavail * v.f_frsize;
        f->inodes_total = v.f_files;
        f->inodes_free = v.f_ffree;
}

static void read_pods_tmpfs(const char *root, struct facts *f)
{
        CLEANUP(freep) char *path = xasprintf("%s/run/vks/pods", root);
        struct statvfs v;

        bool there = statvfs(path, &v) == 0;

        f->pods_full = there && v.f_bavail < v.f_blocks / 4;
        f->pods_full_of_names = there && v.f_ffree < v.f_files / 4;
}

static void read_image_filesystem(const char *root, struct facts *f)
{
        CLEANUP(freep) char *path = xasprintf("%s/usr", root);
        struct statvfs v;

        if (statvfs(path, &v) < 0)
                return;
        f->image_total = (uint64_t)v.f_blocks * v.f_frsize;
        f->image_available = (uint64_t)v.f_bavail * v.f_frsize;
        f->image_inodes_total = v.f_files;
        f->image_inodes_free = v.f_ffree;
}

/* As the kubelet's pkg/kubelet/stats/pidlimit: the lower of two limits,
 * and the tasks in /proc/loadavg's "running/all". */
static void read_pids(const char *root, struct facts *f)
{
        uint64_t pid_max = UINT64_MAX, threads_max = UINT64_MAX, tasks;
        bool pids = read_number(root, "/proc/sys/kernel/pid_max", &pid_max);
        bool threads = read_number(root, "/proc/sys/kernel/threads-max", &threads_max);
        char line[128], *slash;

        if (pids || threads)
                f->pids_max = pid_max < threads_max ? pid_max : threads_max;
        if (!read_line(root, "/proc/loadavg", line, sizeof(line)) || !(slash = strchr(line, '/')))
                return;
        tasks = strtoull(slash + 1, NULL, 10);
        if (tasks > 0)
                f->pids = tasks;
}

void facts_refresh(const char *root, struct facts *f)
{
        CLEANUP(freep) char *memory = slurp(root, "/proc/meminfo");

        if (memory)
                (void)meminfo(memory, "MemAvailable", &f->mem_available);
        read_filesystem(root, f);
        read_pods_tmpfs(root, f);
        read_image_filesystem(root, f);
        read_pids(root, f);
        read_addresses(f);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a container with `stdin` or `tty` gets them from the agent: vks-exec, as the container's user, connects to a
 * socket of the agent's (SOCK_SEQPACKET), and each side sends one packet of one byte with one descriptor.
 *
 *      vks-exec    CONSOLE_HELLO, and its standard output: to it the agent copies what appears on the terminal
 *      the agent   CONSOLE_TERMINAL, and the far end of a terminal; or CONSOLE_INPUT, and a pipe to read from
 *
 * The agent knows by the kernel (SO_PEERCRED) whose main process it is, and so which container; and by that output,
 * which is the pipe LOG_DIR/UID.CONTAINER.out of this run: PID 1 alone opens it, for the container's processes. The
 * socket is PID 1's (vks-console.socket), in a directory of root's: PID 1 follows its path for every container that it
 * is bound into.
 */
#ifndef VKS_COMMON_CONSOLE_H
#define VKS_COMMON_CONSOLE_H

#define LOG_DIR "/run/vks/log" /* mode 0700, root's: helper/log/vks_log.c */

#define CONSOLE_SOCKET_ON_MACHINE "/run/vks/console.sock"
#ifndef CONSOLE_SOCKET /* a test has one of its own */
#define CONSOLE_SOCKET "/run/systemd/vks-console"
#endif

enum { CONSOLE_HELLO = 'c', CONSOLE_TERMINAL = 't', CONSOLE_INPUT = 'i' };

#endif

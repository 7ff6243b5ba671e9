/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thousand probes ask: an HTTP server that says 200 to everybody, one after the other, on the port that its
 * argument names. Run in the node.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/* Reads what is asked up to its empty line. */
static void hear(int fd)
{
        char text[4096];
        size_t have = 0;

        while (have + 1 < sizeof(text)) {
                ssize_t n = read(fd, text + have, sizeof(text) - 1 - have);

                if (n <= 0)
                        return;
                have += (size_t)n;
                text[have] = '\0';
                if (strstr(text, "\r\n\r\n"))
                        return;
        }
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0")) };
        int yes = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        signal(SIGPIPE, SIG_IGN);
        setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        if (bind(listening, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listening, 1024) < 0)
                return 1;
        for (;;) {
                int fd = accept(listening, NULL, NULL);

                if (fd < 0)
                        continue;
                hear(fd);
                if (write(fd, ANSWER, sizeof(ANSWER) - 1) < 0)
                        (void)0; /* it has gone */
                close(fd);
        }
}

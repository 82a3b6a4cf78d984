/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

static int parse_port(const char *text, unsigned *port)
{
    char *end = NULL;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n > 65535)
        return -EINVAL;
    *port = (unsigned)n;
    return 0;
}

int listen_split(const char *address, char host[LISTEN_HOST_BYTES], unsigned *port,
                 struct error *e)
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    if (!colon || parse_port(colon + 1, port) < 0)
        return error_set(e, EINVAL, "'%.60s' is no HOST:PORT: as 127.0.0.1:9540",
                         address);
    if (n >= 2 && address[0] == '[' && colon[-1] == ']') {
        address++;
        n -= 2;
    } else if (memchr(address, ':', n)) {
        return error_set(e, EINVAL,
                         "'%.60s': an IPv6 address stands in brackets, as [::1]:9540",
                         address);
    }
    if (n >= LISTEN_HOST_BYTES)
        return error_set(e, EINVAL, "'%.60s...': the host's name is too long", address);
    memcpy(host, address, n);
    host[n] = '\0';
    return 0;
}

/* Numbers as they are, for the log and for links. */
static void name_of(int fd, char name[LISTEN_NAME_BYTES])
{
    struct sockaddr_storage sa;
    socklen_t size = sizeof(sa);
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    if (getsockname(fd, (struct sockaddr *)&sa, &size) == 0)
        getnameinfo((struct sockaddr *)&sa, size, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(name, LISTEN_NAME_BYTES, strchr(host, ':') ? "[%.200s]:%s" : "%.200s:%s",
             host, port);
}

static int open_one(const struct addrinfo *ai)
{
    const int yes = 1, no = 0;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = -errno;
    close(fd);
    return why;
}

/* The first of the name's addresses that can be listened on. */
static int open_any(const char *host, unsigned port, const char **why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    int fd = -EADDRNOTAVAIL;
    snprintf(service, sizeof(service), "%u", port);
    int r = getaddrinfo(host, service, &hints, &found);
    if (r != 0) {
        *why = gai_strerror(r);
        return -EADDRNOTAVAIL;
    }
    for (const struct addrinfo *ai = found; ai && fd < 0; ai = ai->ai_next)
        fd = open_one(ai);
    freeaddrinfo(found);
    if (fd < 0)
        *why = strerror(-fd);
    return fd;
}

int listen_on(const char *address, char name[LISTEN_NAME_BYTES], struct error *e)
{
    char host[LISTEN_HOST_BYTES] = "";
    unsigned port = 0;
    const char *why = "";
    if (listen_split(address, host, &port, e) < 0)
        return -EINVAL;
    bool any = !*host || strcmp(host, "*") == 0;
    int fd = open_any(any ? "::" : host, port, &why);
    if (fd < 0 && any)
        fd = open_any("0.0.0.0", port, &why);
    if (fd < 0)
        return error_set(e, -fd, "cannot listen on %.80s for HTTP: %s%s", address, why,
                         fd == -EADDRINUSE ? "; choose another port" : "");
    name_of(fd, name);
    return fd;
}

/* host_socket.c - stream sockets: of a port, or of a path. */
#include "base/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One side of a connection: bind() and listen(), or connect(). */
static int take_side(int fd, const struct sockaddr *address, socklen_t size, bool listens)
{
    if (listens)
        return bind(fd, address, size) < 0 ? -1 : listen(fd, 1);
    return connect(fd, address, size);
}

/* A socket that does not wait, but for the connection; or a negated errno. */
static int open_at(int family, const struct sockaddr *address, socklen_t size,
                   bool listens)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, error;

    if (fd < 0)
        return -errno;
    if (listens && family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (!listens && family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (take_side(fd, address, size, listens) == 0 && host_set_nonblocking(fd, true) >= 0)
        return fd;
    error = errno;
    close(fd);
    return -error;
}

static int open_path(const char *path, bool listens)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
        (int)sizeof(address.sun_path))
        return -ENAMETOOLONG;
    if (listens)
        unlink(path);
    return open_at(AF_UNIX, (struct sockaddr *)&address, sizeof(address), listens);
}

/* The first of the host's addresses that works. */
static int open_port(const char *host, unsigned port, bool listens)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found;
    int fd = -EADDRNOTAVAIL;
    char service[16];

    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host && *host ? host : "127.0.0.1", service, &hints, &found))
        return fd;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = open_at(at->ai_family, at->ai_addr, at->ai_addrlen, listens);
    freeaddrinfo(found);
    return fd;
}

static int open_place(const struct host_place *place, bool listens)
{
    return place->path ? open_path(place->path, listens)
                       : open_port(place->host, place->port, listens);
}

int host_listen(const struct host_place *place)
{
    return open_place(place, true);
}

int host_connect(const struct host_place *place)
{
    return open_place(place, false);
}

unsigned host_socket_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&address)->sin_port);
    return address.ss_family == AF_INET6
               ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
               : 0;
}

int host_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;

    if (fd < 0)
        return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails for paths */
    return fd;
}

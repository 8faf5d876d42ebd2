/* host_socket.c - sockets that listen, for those who look at a machine. */
#include "base/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(int fd, const struct sockaddr *address, socklen_t size)
{
    int error;

    if (fd >= 0 && bind(fd, address, size) == 0 && listen(fd, 1) == 0)
        return fd;
    error = errno;
    if (fd >= 0)
        close(fd);
    return -error;
}

int host_listen_port(unsigned port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return listen_at(fd, (struct sockaddr *)&address, sizeof(address));
}

int host_listen_path(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
        (int)sizeof(address.sun_path))
        return -ENAMETOOLONG;
    unlink(path);
    return listen_at(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                     (struct sockaddr *)&address, sizeof(address));
}

int host_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;

    if (fd < 0)
        return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails for paths */
    return fd;
}

void host_remove_path(const char *path)
{
    unlink(path);
}

/* host_tap.c - interfaces of the host's whose other end is a descriptor.
 *
 * Spec: Linux, Documentation/networking/tuntap.rst. */
#include "base/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

_Static_assert(HOST_TAP_NAME == IFNAMSIZ, "the longest name, and its 0");

int host_tap_open(char name[HOST_TAP_NAME])
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), error;

    if (fd < 0)
        return -errno;
    memcpy(request.ifr_name, name, sizeof(request.ifr_name));
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        error = errno;
        close(fd);
        return -error;
    }
    memcpy(name, request.ifr_name, sizeof(request.ifr_name));
    return fd;
}

int host_tap_take(int fd)
{
    struct ifreq request;
    int result = host_set_nonblocking(fd, true);

    if (result < 0)
        return result;
    if (ioctl(fd, TUNGETIFF, &request) < 0)
        return 0; /* no such interface: a socket, say */
    return request.ifr_flags & IFF_TAP && request.ifr_flags & IFF_NO_PI &&
                   !(request.ifr_flags & IFF_VNET_HDR)
               ? 0
               : -EPROTO;
}

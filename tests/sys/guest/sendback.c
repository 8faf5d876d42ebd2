/* sendback.c - a program for a Linux guest: sends back what comes by TCP and UDP to port
 * 1000, one connection after the other, until somebody connects to port 1001. */
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int place(int type, unsigned short port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, type, 0);

    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    if (type == SOCK_STREAM)
        listen(fd, 8);
    return fd;
}

static void echo_stream(int listener)
{
    char bytes[65536];
    int fd = accept(listener, NULL, NULL);
    ssize_t size, done;

    while ((size = read(fd, bytes, sizeof(bytes))) > 0)
        for (ssize_t at = 0; at < size; at += done)
            if ((done = write(fd, bytes + at, (size_t)(size - at))) <= 0)
                break;
    close(fd);
}

static void echo_datagram(int fd)
{
    struct sockaddr_storage from;
    socklen_t from_size = sizeof(from);
    char bytes[65536];
    ssize_t size =
        recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_size);

    if (size >= 0)
        sendto(fd, bytes, (size_t)size, 0, (struct sockaddr *)&from, from_size);
}

int main(void)
{
    struct pollfd polls[] = { { place(SOCK_STREAM, 1000), POLLIN, 0 },
                              { place(SOCK_DGRAM, 1000), POLLIN, 0 },
                              { place(SOCK_STREAM, 1001), POLLIN, 0 } };

    while (poll(polls, 3, -1) >= 0 && !polls[2].revents) {
        if (polls[0].revents)
            echo_stream(polls[0].fd);
        if (polls[1].revents)
            echo_datagram(polls[1].fd);
    }
    return 0;
}

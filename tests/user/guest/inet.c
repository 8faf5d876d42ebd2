/* inet.c - TCP over the loopback interface, which a new network namespace lacks. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "say.h"

static int serve(struct sockaddr_in *address)
{
    int server = socket(AF_INET, SOCK_STREAM, 0), value = 1;
    socklen_t size = sizeof(*address);

    call("setsockopt",
         setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value)));
    call("bind", bind(server, (struct sockaddr *)address, sizeof(*address)));
    call("listen", listen(server, 1));
    getsockname(server, (struct sockaddr *)address, &size);
    ok("port", address->sin_port != 0 && address->sin_family == AF_INET);
    return server;
}

/* What netdevice(7) tells of the loopback interface. */
static void interfaces(int fd)
{
    struct ifreq one = { .ifr_name = "lo" }, all[64];
    struct ifconf conf = { .ifc_len = sizeof(all), .ifc_req = all };
    int index, found = 0;

    call("SIOCGIFINDEX", ioctl(fd, SIOCGIFINDEX, &one));
    index = one.ifr_ifindex;
    memset(one.ifr_name, 0, sizeof(one.ifr_name));
    call("SIOCGIFNAME", ioctl(fd, SIOCGIFNAME, &one));
    ok("index", index > 0 && strcmp(one.ifr_name, "lo") == 0);
    call("SIOCGIFFLAGS", ioctl(fd, SIOCGIFFLAGS, &one));
    ok("flags", (one.ifr_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK));
    call("SIOCGIFADDR", ioctl(fd, SIOCGIFADDR, &one));
    ok("address", one.ifr_addr.sa_family == AF_INET && one.ifr_addr.sa_data[2] == 127);
    call("SIOCGIFCONF", ioctl(fd, SIOCGIFCONF, &conf));
    for (unsigned i = 0; i < conf.ifc_len / sizeof(all[0]); i++)
        found += strcmp(all[i].ifr_name, "lo") == 0 &&
                 all[i].ifr_addr.sa_family == AF_INET &&
                 all[i].ifr_addr.sa_data[2] == 127;
    ok("listed", found > 0);
    strcpy(one.ifr_name, "none");
    call("no interface", ioctl(fd, SIOCGIFINDEX, &one));
}

int main(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET }, peer = { 0 };
    socklen_t size = sizeof(peer);
    int server, client, accepted, value = 1;
    char text[16] = "";

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = serve(&address);
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    call("connect", connect(client, (struct sockaddr *)&address, sizeof(address)));
    accepted = accept4(server, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK);
    ok("accept", accepted >= 0 && peer.sin_addr.s_addr == address.sin_addr.s_addr);
    call("nodelay", setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)));
    call("recv none", recv(accepted, text, sizeof(text), 0));
    call("send", send(client, "hello", 5, 0));
    call("recv", recv(accepted, text, 5, MSG_WAITALL));
    puts(text);
    size = sizeof(value);
    call("getsockopt", getsockopt(client, SOL_SOCKET, SO_TYPE, &value, &size));
    say("type", value);
    call("sendto", sendto(accepted, "bye", 3, 0, (struct sockaddr *)&peer, sizeof(peer)));
    size = sizeof(peer);
    call("recvfrom",
         recvfrom(client, text, sizeof(text), 0, (struct sockaddr *)&peer, &size));
    call("shutdown", shutdown(accepted, SHUT_WR));
    call("recv end", recv(client, text, sizeof(text), 0));
    interfaces(client);
    return 0;
}

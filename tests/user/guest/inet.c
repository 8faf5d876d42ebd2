/* inet.c - TCP over the loopback interface, which a new network namespace lacks. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
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
    return 0;
}

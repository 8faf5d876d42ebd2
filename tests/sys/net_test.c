/* net_test.c - networks: the one in this process, frames that wait, dumps. */
#include "sys/net/net.h"

#include <check.h>

#include "run_cases.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/host.h"
#include "sys/board.h"
#include "sys/bus.h"
#include "sys/clock.h"
#include "sys/loop.h"

/* The guest: what it has received. */
static uint8_t got[65536];
static size_t got_size;
static unsigned got_count;
static bool is_ready = true;

static bool guest_can_receive(void *device)
{
    (void)device;
    return is_ready;
}

static bool guest_receive(void *device, const uint8_t *frame, size_t size)
{
    (void)device;
    ck_assert_uint_le(size, sizeof(got));
    memcpy(got, frame, size);
    got_size = size;
    got_count++;
    return true;
}

static bool is_up = true;

static void guest_link(void *device, bool is_up_now)
{
    (void)device;
    is_up = is_up_now;
}

static const struct net_user user = { guest_can_receive, guest_receive, guest_link };

static struct bus *bus;
static struct loop *loop;
static struct guest_clock *guest_clock;

static struct net_backend *open_net(const struct net_config *config,
                                    const struct net_dump_config *dump,
                                    struct nets **nets)
{
    struct net_backend *net;

    bus = bus_new(32);
    guest_clock = guest_clock_new(NULL);
    loop = loop_new(guest_clock, bus_lock(bus));
    *nets = nets_open(config, dump, loop, guest_clock_interface(guest_clock));
    net = nets_find(*nets, config->id);
    ck_assert_ptr_nonnull(net);
    ck_assert_ptr_null(nets_find(*nets, "other"));
    net->user = &user;
    return net;
}

static void close_net(struct nets *nets)
{
    nets_close(nets, bus);
    loop_free(loop);
    guest_clock_free(guest_clock);
    bus_free(bus);
}

/* Who has 10.0.2.2? */
static void ask(struct net_backend *net)
{
    uint8_t frame[60] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8,  6, 0, 1,
        8,    0,    6,    4,    0,    1,    0x52, 0x54, 0, 0x12, 0x34, 0x56, 10, 0, 2, 15,
        0,    0,    0,    0,    0,    0,    10,   0,    2, 2,
    };
    struct span spans[] = { { frame, 14 }, { frame + 14, 46 } };

    net->send(net, spans, 2);
}

START_TEST(the_gateway_answers)
{
    struct net_config config = { .id = "n0", .kind = "user" };
    struct nets *nets;
    struct net_backend *net = open_net(&config, NULL, &nets);

    ask(net);
    ck_assert_uint_eq(got_count, 1);
    ck_assert_uint_eq(got[21], 2); /* is at */
    ck_assert_mem_eq(got + 28, "\12\0\2\2", 4);
    close_net(nets);
}
END_TEST

START_TEST(frames_wait_until_the_guest_is_ready)
{
    struct net_config config = { .id = "n0", .kind = "user" };
    struct nets *nets;
    struct net_backend *net = open_net(&config, NULL, &nets);

    is_ready = false;
    for (unsigned i = 0; i < 1000; i++)
        ask(net);
    ck_assert_uint_eq(got_count, 0);
    is_ready = true;
    net->ready(net);
    ck_assert_uint_eq(got_count, 256); /* the others were too many */
    is_ready = false;
    ask(net);
    close_net(nets);
}
END_TEST

START_TEST(a_dump_has_every_frame)
{
    char path[] = "/tmp/rhea-net-test-XXXXXX";
    struct net_config config = { .id = "n0", .kind = "user" };
    struct net_dump_config dump = { .netdev = "n0", .file = path, .most_bytes = 20 };
    uint8_t bytes[200];
    struct nets *nets;
    struct net_backend *net;
    FILE *file;
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    net = open_net(&config, &dump, &nets);
    ask(net);
    close_net(nets);
    file = fopen(path, "rb");
    ck_assert_uint_eq(fread(bytes, 1, sizeof(bytes), file), 24 + 2 * (16 + 20));
    ck_assert_mem_eq(bytes, "\xd4\xc3\xb2\xa1\2\0\4\0", 8);
    ck_assert_mem_eq(bytes + 24 + 8, "\24\0\0\0\74\0\0\0\xff\xff", 10);
    fclose(file);
    unlink(path);
}
END_TEST

START_TEST(addresses_can_be_chosen)
{
    struct board_setting start = { NULL, "dhcpstart", "10.0.2.77" };
    struct board_setting host = { &start, "host", "10.0.2.2" };
    struct board_setting net_setting = { &host, "net", "10.0.2.0/24" };
    struct net_config config = { NULL, "n0", "user", &net_setting };
    struct nets *nets;

    ask(open_net(&config, NULL, &nets));
    ck_assert_uint_eq(got_count, 1);
    close_net(nets);
}
END_TEST

static const struct {
    const char *name, *value;
} bad[] = {
    { "net", "10.0.2.0" },
    { "net", "10.0.2.0/33" },
    { "net", "x/24" },
    { "hostfwd", "tcp::22" },
    { "hostfwd", "x::1-:2" },
    { "hostfwd", "tcp::1-:0" },
    { "hostfwd", "tcp:h:1-:22" },
    { "hostfwd", "tcp::1-:70000" },
    { "host", "here" },
    { "smb", "/" },
};

/* Each ends the process with status 1. */
START_TEST(bad_settings_are_the_users_mistake)
{
    struct board_setting setting = { NULL, bad[_i].name, bad[_i].value };
    struct net_config config = { NULL, "n0", "user", &setting };
    struct nets *nets;

    open_net(&config, NULL, &nets);
}
END_TEST

/* -------------------------------------------------------------------------------- tap */

static void stop(void *context)
{
    loop_stop(context);
}

/* Runs the device thread until it has looked at what is there. */
static void settle(void)
{
    loop_post(loop, stop, loop);
    loop_run(loop);
}

/* A network on one end of a socket that keeps frames apart; the other end. */
static int open_socket(struct nets **nets, struct net_backend **net)
{
    static struct board_setting setting = { NULL, "fd", NULL };
    static char number[16];
    struct net_config config = { NULL, "n0", "tap", &setting };
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    snprintf(number, sizeof(number), "%d", ends[1]);
    setting.value = number;
    *net = open_net(&config, NULL, nets);
    return ends[0];
}

START_TEST(frames_go_through_a_descriptor)
{
    static uint8_t large[65535];
    struct nets *nets;
    struct net_backend *net;
    int end = open_socket(&nets, &net);

    ask(net);
    ck_assert_int_eq(read(end, large, sizeof(large)), 60);
    ck_assert_uint_eq(large[13], 6);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(write(end, large, 60 + i), 60 + (int)i);
    settle();
    ck_assert_uint_eq(got_count, 3);
    ck_assert_uint_eq(got_size, 62);
    ck_assert_int_eq(write(end, large, sizeof(large)), sizeof(large));
    ck_assert_int_eq(write(end, large, 1), 1);
    settle();
    ck_assert_uint_eq(got_count, 5);
    close_net(nets);
    close(end);
}
END_TEST

START_TEST(frames_stay_outside_while_the_guest_is_not_ready)
{
    struct nets *nets;
    struct net_backend *net;
    int end = open_socket(&nets, &net);
    uint8_t frame[60] = { 0 };
    unsigned sent = 0;

    is_ready = false;
    while (sent < 1000 && send(end, frame, sizeof(frame), MSG_DONTWAIT) > 0) {
        sent++;
        settle();
    }
    ck_assert_uint_gt(sent, 1);
    ck_assert_uint_lt(sent, 1000);
    is_ready = true;
    net->ready(net);
    for (unsigned i = 0; i < 100; i++)
        settle();
    ck_assert_uint_eq(got_count, sent);
    close_net(nets);
    close(end);
}
END_TEST

START_TEST(the_cable_is_out_when_the_other_end_has_gone)
{
    struct nets *nets;
    struct net_backend *net;
    int end = open_socket(&nets, &net);

    close(end);
    settle();
    ck_assert(!is_up && !net->is_up);
    ask(net);
    settle();
    ck_assert_uint_eq(got_count, 0);
    close_net(nets);
}
END_TEST

static const struct {
    const char *name, *value;
} bad_tap[] = {
    { "fd", "x" },
    { "fd", "999" },
    { "ifname", "a-name-that-is-too-long" },
    { "script", "/bin/sh" },
    { "vnet_hdr", "on" },
    { "sndbuf", "1" },
};

START_TEST(bad_settings_of_a_tap_are_the_users_mistake)
{
    struct board_setting setting = { NULL, bad_tap[_i].name, bad_tap[_i].value };
    struct net_config config = { NULL, "n0", "tap", &setting };
    struct nets *nets;

    open_net(&config, NULL, &nets);
}
END_TEST

START_TEST(an_unknown_network_is_the_users_mistake)
{
    struct net_config config = { NULL, "n0", "carrier-pigeon", NULL };
    struct nets *nets;

    open_net(&config, NULL, &nets);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("net", USUAL_LIMIT);

    tcase_add_test(cases.all, the_gateway_answers);
    tcase_add_test(cases.all, frames_wait_until_the_guest_is_ready);
    tcase_add_test(cases.all, a_dump_has_every_frame);
    tcase_add_test(cases.all, addresses_can_be_chosen);
    tcase_add_loop_exit_test(cases.all, bad_settings_are_the_users_mistake, 1, 0,
                             sizeof(bad) / sizeof(*bad));
    tcase_add_test(cases.all, frames_go_through_a_descriptor);
    tcase_add_test(cases.all, frames_stay_outside_while_the_guest_is_not_ready);
    tcase_add_test(cases.all, the_cable_is_out_when_the_other_end_has_gone);
    tcase_add_loop_exit_test(cases.all, bad_settings_of_a_tap_are_the_users_mistake, 1, 0,
                             sizeof(bad_tap) / sizeof(*bad_tap));
    tcase_add_exit_test(cases.all, an_unknown_network_is_the_users_mistake, 1);
    return cases_run(cases);
}

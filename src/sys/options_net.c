/* options_net.c - networks. */
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "sys/net/net.h"
#include "sys/options_read.h"

static struct net_config *new_net(struct reading *reading, const char *kind)
{
    struct net_config *net = arena_alloc(&options_arena, sizeof(*net));

    *net = (struct net_config){ .kind = kind };
    net->id = arena_printf(&options_arena, "net%u", reading->net_count++);
    *reading->last_net = net;
    reading->last_net = &net->next;
    return net;
}

static void take_netdev(struct reading *reading, const char *argument)
{
    struct net_config *net = new_net(reading, next_part(&argument));
    bool has_id = false;

    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (strcmp(part, "id")) {
            add_setting(&net->settings, part, value);
            continue;
        }
        net->id = taken_id("-netdev", value);
        has_id = true;
    }
    if (!has_id)
        die("-netdev %s wants id=NAME", net->kind);
}

/* With its commas as an option has them. */
static const char *doubled(const char *value)
{
    char *copy = arena_alloc(&options_arena, 2 * strlen(value) + 1), *to = copy;

    while (*value) {
        if (*value == ',')
            *to++ = ',';
        *to++ = *value++;
    }
    return copy;
}

/* The same network without the card. */
static void keep_net(struct reading *reading, const struct net_config *net)
{
    const char *text = arena_printf(&options_arena, "%s,id=%s", net->kind, net->id);

    for (const struct board_setting *s = net->settings; s; s = s->next)
        text = arena_printf(&options_arena, "%s,%s=%s", text, s->name, doubled(s->value));
    reading->keep = (struct kept_option){ .word = "netdev", .argument = text };
}

/* A network and the card in it. */
static void take_nic(struct reading *reading, const char *argument)
{
    char *kind = next_part(&argument);
    struct board_device *card;
    struct net_config *net;

    if (!strcmp(kind, "none"))
        return;
    net = new_net(reading, kind);
    card = new_plug(reading, "virtio-net");
    plug_setting(card, "netdev", net->id);
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (!strcmp(part, "mac"))
            plug_setting(card, part, value);
        else if (!strcmp(part, "model"))
            card->class = !strcmp(value, "virtio") ? "virtio-net" : value;
        else
            add_setting(&net->settings, part, value);
    }
    keep_net(reading, net);
}

void take_filter_dump(struct reading *reading, const char *kind, const char *argument)
{
    struct net_dump_config *dump = arena_alloc(&options_arena, sizeof(*dump));
    uint64_t most = 0;

    (void)kind;
    *dump = (struct net_dump_config){ .next = reading->net_dumps };
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (!strcmp(part, "netdev"))
            dump->netdev = value;
        else if (!strcmp(part, "file"))
            dump->file = value;
        else if (!strcmp(part, "maxlen") && board_number(value, &most))
            dump->most_bytes = most < UINT32_MAX ? most : UINT32_MAX;
        else if (strcmp(part, "id"))
            die("-object filter-dump: %s=%s is not supported", part, value);
    }
    if (!dump->netdev || !dump->file)
        die("-object filter-dump wants netdev=ID and file=FILE");
    reading->net_dumps = dump;
}

const struct option net_options[] = {
    { "nic", "user|tap|none[,...]", take_nic,
      "a network card: user: through this process; model=, mac=, and as -netdev" },
    { "netdev", "user,id=NAME[,...]", take_netdev,
      "a network: net=, hostfwd=tcp::PORT-:PORT, tftp=, restrict=, dns=, hostname=..." },
    { "netdev", "tap,id=NAME[,...]", take_netdev,
      "a network: an interface of the host's: ifname=, fd=, script=no, downscript=no" },
    { "net", "none", take_none, NULL },
    { NULL, NULL, NULL, NULL },
};

/* mux.c - a line that several users share: one of them has the keys, all may write.
 *
 * Ctrl-A is the escape; the key behind it says what to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/char/part.h"

enum { USERS = 4, KEYS = 256, ESCAPE = 1, NS_PER_MS = 1000000 };

struct front {
    struct char_backend backend; /* first: found by it */
    struct mux *mux;
    uint8_t keys[KEYS]; /* that it has no room for yet */
    size_t key_count;
};

struct mux {
    struct chardev *dev;
    struct front fronts[USERS];
    unsigned count, focus;
    bool is_deaf_proof; /* reads on where the user takes nothing: keys are lost then */
    bool was_escape;    /* Ctrl-A was the last key */
    bool has_stamps, is_mid_line;
};

static void mux_say(struct mux *mux, const char *text)
{
    char_write(&mux->dev->backend, (const uint8_t *)text, strlen(text));
}

/* ------------------------------------------------------------------------ output */

/* The guest's time before each line. */
static void stamp(struct mux *mux)
{
    uint64_t ms = clock_now_ns(mux->dev->host.clock) / NS_PER_MS;
    char text[48];

    snprintf(text, sizeof(text), "[%02u:%02u:%02u.%03u] ", (unsigned)(ms / 3600000),
             (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60),
             (unsigned)(ms % 1000));
    mux_say(mux, text);
}

static size_t write_lines(struct mux *mux, const uint8_t *bytes, size_t count)
{
    size_t done = 0;

    while (done < count) {
        const uint8_t *end = memchr(bytes + done, '\n', count - done);
        size_t line = end ? (size_t)(end - bytes) + 1 - done : count - done, taken;

        if (!mux->is_mid_line)
            stamp(mux);
        taken = char_write(&mux->dev->backend, bytes + done, line);
        done += taken;
        mux->is_mid_line = taken < line || !end;
        if (taken < line)
            break;
    }
    return done;
}

static size_t front_write(struct char_backend *backend, const uint8_t *bytes,
                          size_t count)
{
    struct mux *mux = ((struct front *)backend)->mux;

    return mux->has_stamps ? write_lines(mux, bytes, count)
                           : char_write(&mux->dev->backend, bytes, count);
}

static void mux_sent(void *device)
{
    struct mux *mux = device;

    for (unsigned i = 0; i < mux->count; i++) {
        const struct char_user *user = mux->fronts[i].backend.user;

        if (user && user->sent)
            user->sent(mux->fronts[i].backend.device);
    }
}

/* -------------------------------------------------------------------------- keys */

static void hand_on(struct front *front)
{
    const struct char_user *user = front->backend.user;
    size_t count;

    while (user && front->key_count && (count = user->room(front->backend.device))) {
        uint8_t keys[KEYS];

        if (count > front->key_count)
            count = front->key_count;
        memcpy(keys, front->keys, count);
        front->key_count -= count;
        memmove(front->keys, front->keys + count, front->key_count);
        user->receive(front->backend.device, keys, count);
    }
}

static void set_focus(struct mux *mux, unsigned focus)
{
    char_tell(&mux->fronts[mux->focus].backend, CHAR_UNFOCUSED);
    mux->focus = focus;
    char_tell(&mux->fronts[focus].backend, CHAR_FOCUSED);
}

static void help(struct mux *mux)
{
    mux_say(mux, "\r\n"
                 "C-a h    print this help\r\n"
                 "C-a x    exit emulator\r\n"
                 "C-a s    save disk data back to file (if -snapshot)\r\n"
                 "C-a t    toggle console timestamps\r\n"
                 "C-a b    send break (magic sysrq)\r\n"
                 "C-a c    switch between console and monitor\r\n"
                 "C-a C-a  sends C-a\r\n");
}

/* The key behind Ctrl-A; true: it is the user's. */
static bool take_command(struct mux *mux, uint8_t key)
{
    const struct chardev_host *host = &mux->dev->host;

    switch (key) {
    case ESCAPE: return true;
    case 'x':
        mux_say(mux, "rhea: Terminated\r\n");
        host->quit(host->context);
        return false;
    case 'b': char_tell(&mux->fronts[mux->focus].backend, CHAR_BREAK); return false;
    case 'c': set_focus(mux, (mux->focus + 1) % mux->count); return false;
    case 's':
        mux_say(mux, "rhea: what -snapshot keeps cannot be written back\r\n");
        return false;
    case 't':
        mux->has_stamps = !mux->has_stamps;
        mux->is_mid_line = false;
        return false;
    case 'h':
    case '?': help(mux); return false;
    default: return false;
    }
}

static void mux_receive(void *device, const uint8_t *keys, size_t count)
{
    struct mux *mux = device;

    for (size_t i = 0; i < count; i++) {
        struct front *front = &mux->fronts[mux->focus];

        if (mux->was_escape) {
            mux->was_escape = false;
            if (!take_command(mux, keys[i]))
                continue;
        } else if (keys[i] == ESCAPE) {
            mux->was_escape = true;
            continue;
        }
        if (front->key_count == KEYS)
            hand_on(front);
        if (front->key_count < KEYS)
            front->keys[front->key_count++] = keys[i];
    }
    hand_on(&mux->fronts[mux->focus]);
}

static size_t mux_room(void *device)
{
    const struct mux *mux = device;

    return mux->is_deaf_proof ? KEYS : KEYS - mux->fronts[mux->focus].key_count;
}

static void front_ready(struct char_backend *backend)
{
    struct front *front = (struct front *)backend;

    hand_on(front);
    char_ready(&front->mux->dev->backend);
}

static void mux_event(void *device, enum char_event event)
{
    struct mux *mux = device;

    if (event == CHAR_BREAK)
        char_tell(&mux->fronts[mux->focus].backend, event);
    else
        for (unsigned i = 0; i < mux->count; i++)
            char_tell(&mux->fronts[i].backend, event);
}

/* -------------------------------------------------------------------- life */

struct mux *mux_new(struct chardev *dev)
{
    static const struct char_user user = { mux_room, mux_receive, mux_sent, mux_event };
    struct mux *mux = calloc(1, sizeof(*mux));

    if (!mux)
        die("out of memory");
    mux->dev = dev;
    mux->is_deaf_proof = dev->kind == &char_stdio && host_is_terminal(0);
    char_connect(&dev->backend, &user, mux);
    return mux;
}

struct char_backend *mux_take(struct mux *mux)
{
    struct front *front = &mux->fronts[mux->count];

    if (mux->count == USERS)
        return NULL;
    front->mux = mux;
    front->backend.write = front_write;
    front->backend.ready = front_ready;
    front->backend.is_open = mux->dev->backend.is_open;
    front->backend.is_shared = true;
    mux->focus = mux->count++;
    return &front->backend;
}

void mux_free(struct mux *mux)
{
    if (!mux)
        return;
    char_connect(&mux->dev->backend, NULL, NULL);
    free(mux);
}

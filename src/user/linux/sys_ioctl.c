/* sys_ioctl.c - ioctl: terminals, what network interfaces are there, and a few of files.
 *
 * Each request is a row: the guest's number, the host's, and what lies behind the
 * pointer. A request that is not here answers ENOTTY, as a device without it would. */
#include <errno.h>
#include <linux/fs.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "user/linux/calls_all.h"
#include "user/run.h"

/* What the argument is. */
enum kind {
    NOTHING,
    VALUE,
    INT_IN,
    INT_OUT,
    INT_BOTH,
    SHORTS_IN,
    SHORTS_OUT,
    TERMIOS_IN,
    TERMIOS_OUT,
    WIDE_OUT,
    IFREQ_INT, /* struct ifreq, netdevice(7): what is after the name */
    IFREQ_SHORT,
    IFREQ_ADDRESS,
    IFCONF
};

/* clang-format off */
static const struct row {
    uint32_t guest;
    enum kind kind;
    unsigned long host;
} rows[] = {
    { 0x5401, TERMIOS_OUT, TCGETS },
    { 0x5402, TERMIOS_IN, TCSETS },
    { 0x5403, TERMIOS_IN, TCSETSW },
    { 0x5404, TERMIOS_IN, TCSETSF },
    { 0x5409, VALUE, TCSBRK },
    { 0x540a, VALUE, TCXONC },
    { 0x540b, VALUE, TCFLSH },
    { 0x540c, NOTHING, TIOCEXCL },
    { 0x540d, NOTHING, TIOCNXCL },
    { 0x540e, VALUE, TIOCSCTTY },
    { 0x540f, INT_OUT, TIOCGPGRP },
    { 0x5410, INT_IN, TIOCSPGRP },
    { 0x5411, INT_OUT, TIOCOUTQ },
    { 0x5413, SHORTS_OUT, TIOCGWINSZ },
    { 0x5414, SHORTS_IN, TIOCSWINSZ },
    { 0x5415, INT_OUT, TIOCMGET },
    { 0x541b, INT_OUT, FIONREAD },
    { 0x5421, INT_IN, FIONBIO },
    { 0x5422, NOTHING, TIOCNOTTY },
    { 0x5425, VALUE, TCSBRKP },
    { 0x5429, INT_OUT, TIOCGSID },
    { 0x5450, NOTHING, FIONCLEX },
    { 0x5451, NOTHING, FIOCLEX },
    { 0x5452, INT_IN, FIOASYNC },
    { 0x80045430, INT_OUT, TIOCGPTN },
    { 0x40045431, INT_IN, TIOCSPTLCK },
    { 0x5441, VALUE, TIOCGPTPEER },
    { 0x80081272, WIDE_OUT, BLKGETSIZE64 },
    { 0x8910, IFREQ_INT, SIOCGIFNAME },
    { 0x8912, IFCONF, SIOCGIFCONF },
    { 0x8913, IFREQ_SHORT, SIOCGIFFLAGS },
    { 0x8915, IFREQ_ADDRESS, SIOCGIFADDR },
    { 0x8917, IFREQ_ADDRESS, SIOCGIFDSTADDR },
    { 0x8919, IFREQ_ADDRESS, SIOCGIFBRDADDR },
    { 0x891b, IFREQ_ADDRESS, SIOCGIFNETMASK },
    { 0x891d, IFREQ_INT, SIOCGIFMETRIC },
    { 0x8921, IFREQ_INT, SIOCGIFMTU },
    { 0x8927, IFREQ_ADDRESS, SIOCGIFHWADDR },
    { 0x8933, IFREQ_INT, SIOCGIFINDEX },
    { 0x8942, IFREQ_INT, SIOCGIFTXQLEN },
};
/* clang-format on */

/* The kernel's struct termios: four flag words, the line discipline, 19 characters. */
enum { TERMIOS = 36, FLAG_WORDS = 16, WINSIZE = 8, HOST_TERMIOS = 128 };

static int64_t on_termios(struct task *t, const uint64_t *a, const struct row *row)
{
    const struct abi *abi = t->proc->abi;
    uint8_t guest[TERMIOS], host[HOST_TERMIOS] = { 0 };
    uint32_t word;

    if (row->kind == TERMIOS_IN) {
        if (space_read(t->proc->space, a[2], guest, TERMIOS, NULL) < 0)
            return -EFAULT;
        memcpy(host, guest, TERMIOS);
        for (int i = 0; i < FLAG_WORDS; i += 4) {
            word = (uint32_t)get_guest(abi, guest + i, 4);
            memcpy(host + i, &word, 4);
        }
    }
    if (ioctl((int)a[0], row->host, host) < 0)
        return -errno;
    if (row->kind == TERMIOS_IN)
        return 0;
    memcpy(guest, host, TERMIOS);
    for (int i = 0; i < FLAG_WORDS; i += 4) {
        memcpy(&word, host + i, 4);
        put_guest(abi, guest + i, 4, word);
    }
    return space_write(t->proc->space, a[2], guest, TERMIOS, NULL) < 0 ? -EFAULT : 0;
}

static int64_t on_shorts(struct task *t, const uint64_t *a, const struct row *row)
{
    const struct abi *abi = t->proc->abi;
    uint8_t guest[WINSIZE];
    uint16_t host[WINSIZE / 2] = { 0 };

    if (row->kind == SHORTS_IN) {
        if (space_read(t->proc->space, a[2], guest, WINSIZE, NULL) < 0)
            return -EFAULT;
        for (int i = 0; i < WINSIZE / 2; i++)
            host[i] = (uint16_t)get_guest(abi, guest + 2 * i, 2);
    }
    if (ioctl((int)a[0], row->host, host) < 0)
        return -errno;
    if (row->kind == SHORTS_IN)
        return 0;
    for (int i = 0; i < WINSIZE / 2; i++)
        put_guest(abi, guest + 2 * i, 2, host[i]);
    return space_write(t->proc->space, a[2], guest, WINSIZE, NULL) < 0 ? -EFAULT : 0;
}

static int64_t on_int(struct task *t, const uint64_t *a, const struct row *row)
{
    uint64_t value = 0;
    int host;

    if (row->kind != INT_OUT && read_number(t, a[2], 4, &value) < 0)
        return -EFAULT;
    host = (int)value;
    if (ioctl((int)a[0], row->host, &host) < 0)
        return -errno;
    return row->kind == INT_IN ? 0 : write_number(t, a[2], 4, (uint64_t)host);
}

static int64_t on_wide(struct task *t, const uint64_t *a, const struct row *row)
{
    uint64_t value;

    return ioctl((int)a[0], row->host, &value) < 0 ? -errno
                                                   : write_number(t, a[2], 8, value);
}

/* In a guest's struct ifreq: the name, then a union as wide as its largest member. */
static unsigned ifreq_size(const struct abi *abi)
{
    return IFNAMSIZ + (abi->layouts->word == 8 ? 24 : 16);
}

static void put_ifreq(const struct abi *abi, enum kind kind, const struct ifreq *host,
                      uint8_t *guest)
{
    uint8_t *value = guest + IFNAMSIZ;

    memcpy(guest, host->ifr_name, IFNAMSIZ);
    if (kind == IFREQ_INT)
        put_guest(abi, value, 4, (uint64_t)host->ifr_ifindex);
    if (kind == IFREQ_SHORT)
        put_guest(abi, value, 2, (uint64_t)host->ifr_flags);
    if (kind == IFREQ_ADDRESS) {
        memcpy(value, &host->ifr_addr, sizeof(host->ifr_addr));
        put_guest(abi, value, 2, host->ifr_addr.sa_family);
    }
}

static int64_t on_ifreq(struct task *t, const uint64_t *a, const struct row *row)
{
    const struct abi *abi = t->proc->abi;
    unsigned size = ifreq_size(abi);
    uint8_t guest[sizeof(struct ifreq) + 8];
    struct ifreq host = { 0 };

    if (space_read(t->proc->space, a[2], guest, size, NULL) < 0)
        return -EFAULT;
    memcpy(host.ifr_name, guest, IFNAMSIZ);
    host.ifr_ifindex = (int)get_guest(abi, guest + IFNAMSIZ, 4);
    if (ioctl((int)a[0], row->host, &host) < 0)
        return -errno;
    put_ifreq(abi, row->kind, &host, guest);
    return space_write(t->proc->space, a[2], guest, size, NULL) < 0 ? -EFAULT : 0;
}

/* struct ifconf: how many bytes there are for requests, and where; no address: only asks.
 */
static int64_t on_ifconf(struct task *t, const uint64_t *a, const struct row *row)
{
    enum { MOST = 64 };
    const struct abi *abi = t->proc->abi;
    unsigned word = abi->layouts->word, size = ifreq_size(abi), n;
    uint8_t guest[sizeof(struct ifreq) + 8] = { 0 };
    struct ifreq host[MOST];
    struct ifconf conf = { 0 };
    uint64_t room, at;

    if (read_number(t, a[2], 4, &room) < 0 || read_number(t, a[2] + word, word, &at) < 0)
        return -EFAULT;
    if ((int32_t)room < 0)
        return -EINVAL;
    n = room / size < MOST ? (unsigned)room / size : MOST;
    conf.ifc_len = (int)(n * sizeof(*host));
    conf.ifc_req = at ? host : NULL;
    if (ioctl((int)a[0], row->host, &conf) < 0)
        return -errno;
    n = (unsigned)conf.ifc_len / sizeof(*host);
    for (unsigned i = 0; at && i < n; i++) {
        put_ifreq(abi, IFREQ_ADDRESS, &host[i], guest);
        if (space_write(t->proc->space, at + i * size, guest, size, NULL) < 0)
            return -EFAULT;
    }
    return write_number(t, a[2], 4, (uint64_t)n * size);
}

int64_t sys_ioctl(struct task *t, const uint64_t *a)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];

        if (row->guest != (uint32_t)a[1])
            continue;
        switch (row->kind) {
        case NOTHING: return RESULT(ioctl((int)a[0], row->host));
        case VALUE: return RESULT(ioctl((int)a[0], row->host, (long)a[2]));
        case INT_IN:
        case INT_OUT:
        case INT_BOTH: return on_int(t, a, row);
        case SHORTS_IN:
        case SHORTS_OUT: return on_shorts(t, a, row);
        case TERMIOS_IN:
        case TERMIOS_OUT: return on_termios(t, a, row);
        case WIDE_OUT: return on_wide(t, a, row);
        case IFREQ_INT:
        case IFREQ_SHORT:
        case IFREQ_ADDRESS: return on_ifreq(t, a, row);
        case IFCONF: return on_ifconf(t, a, row);
        }
    }
    if (t->proc->options->log & LOG_UNIMP)
        log_line("unimplemented ioctl %#x", (unsigned)a[1]);
    return -ENOTTY;
}

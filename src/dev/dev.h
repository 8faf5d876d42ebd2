/* dev.h - what a device is, and how the bus talks to one.
 *
 * A device never sees guest CPUs, the host's clock or host files: it gets register
 * accesses from the bus, raises lines through `irq`, reads time through `clock`, guest
 * memory through `dma` and the outside world through back ends.  That is what lets tests
 * run it alone.
 *
 * Threads: every function of a device, its timers and what its back ends call run under
 * the bus lock, whichever thread calls them; devices take no locks.
 *
 * Byte order: values are numbers.  The bus gives a register's bytes as a little-endian
 * guest would see them. */
#ifndef RHEA_DEV_H
#define RHEA_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of the tables below may stop early. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct dev;

/* --------------------------------------------------------------------- registers */

enum reg_access { RO = 1, WO = 2, RW = 3 };

/* A row of a device's register table, which ends with a row of zeros.
 *
 * `widths`: the widths in bytes of the accesses it takes, or-ed (4, or 4 | 8); the
 * largest one is the register's size.  Accesses are aligned to their own width. `count`:
 * that many of them (0: one), one every `stride` bytes (0: its size); `name` then has a
 * %u for the number.  A stride below the size makes an area of `count` such steps, in
 * which every access is one that lies in it. `region`: of devices with several address
 * ranges (see dev_class). */
struct reg {
    uint32_t offset;
    uint8_t widths;
    uint8_t access;
    const char *name; /* the manual's */
    uint64_t count;   /* at most 2^32 */
    uint32_t stride;
    uint8_t region;
};

/* An access that the table allows. */
struct access {
    uint32_t reg;   /* its row's offset: what a device switches over */
    uint32_t index; /* which of `count` */
    uint8_t byte;   /* where in the register it begins (0 if all of it) */
    uint8_t size;   /* in bytes */
    uint8_t region;
};

/* The accessed part of a whole register, and the whole after a write of that part. */
uint64_t access_part(struct access at, uint64_t whole);
uint64_t access_merge(struct access at, uint64_t whole, uint64_t value);

/* ------------------------------------------------------------------- saved state */

enum field_kind { FIELD_INTEGER = 1, FIELD_IS_BOOL, FIELD_IS_TIMER, FIELD_IS_STRUCT };

/* A row of the table of what a snapshot keeps: `count` numbers of `size` bytes (or bools,
 * or timers, or structs with tables of their own). Ends with a row of zeros. */
struct field {
    const char *name;
    uint32_t offset, size, count;
    uint8_t kind;
    const struct field *fields; /* of a struct */
};

#define FIELD_MEMBER(type, member) (((type *)0)->member)
#define FIELD_KIND(lvalue)                                                               \
    _Generic((lvalue), bool : FIELD_IS_BOOL, default : FIELD_INTEGER)
#define FIELD(type, member)                                                              \
    {                                                                                    \
#member, offsetof(type, member), sizeof(FIELD_MEMBER(type, member)), 1,          \
            FIELD_KIND(FIELD_MEMBER(type, member)), NULL                                 \
    }
#define FIELD_ARRAY(type, member)                                                        \
    {                                                                                    \
#member, offsetof(type, member), sizeof(FIELD_MEMBER(type, member)[0]),          \
            sizeof(FIELD_MEMBER(type, member)) / sizeof(FIELD_MEMBER(type, member)[0]),  \
            FIELD_KIND(FIELD_MEMBER(type, member)[0]), NULL                              \
    }
#define FIELD_TIMER(type, member)                                                        \
    {                                                                                    \
#member, offsetof(type, member), sizeof(struct timer), 1, FIELD_IS_TIMER, NULL   \
    }
/* A struct, or an array of structs, each with the fields of `table`. */
#define FIELD_STRUCT(type, member, table)                                                \
    {                                                                                    \
#member, offsetof(type, member), sizeof(FIELD_MEMBER(type, member)), 1,          \
            FIELD_IS_STRUCT, table                                                       \
    }
#define FIELD_STRUCTS(type, member, table)                                               \
    {                                                                                    \
#member, offsetof(type, member), sizeof(FIELD_MEMBER(type, member)[0]),          \
            sizeof(FIELD_MEMBER(type, member)) / sizeof(FIELD_MEMBER(type, member)[0]),  \
            FIELD_IS_STRUCT, table                                                       \
    }

/* -------------------------------------------------------------------- properties */

/* What a board or -device may set before init. */
enum property_kind {
    PROPERTY_BOOL = 1, /* bool: on, off */
    PROPERTY_U32,      /* uint32_t */
    PROPERTY_U64,      /* uint64_t */
    PROPERTY_SIZE,     /* uint64_t: 64K, 1M */
    PROPERTY_STRING,   /* const char *, the device's own copy */
    PROPERTY_CHARDEV,  /* struct char_backend *; these four by dev_connect() */
    PROPERTY_DRIVE,    /* struct block_backend * */
    PROPERTY_NETDEV,   /* struct net_backend * */
    PROPERTY_DEV,      /* struct dev *: another device of the board */
};

struct property {
    const char *name;
    uint8_t kind;
    uint32_t offset;
    const char *doc;
    uint64_t initial;  /* of numbers and bools */
    uint64_t min, max; /* of numbers; max 0: any */
};

#define PROPERTY(kind, type, member, ...)                                                \
    {                                                                                    \
#member, PROPERTY_##kind, offsetof(type, member), __VA_ARGS__                    \
    }

/* ------------------------------------------------------------------------- lines */

/* Where an output line of a device leads.  All zero: nowhere. */
struct irq {
    void (*set)(void *context, unsigned line, bool level);
    void *context;
    unsigned line;
};
void irq_set(const struct irq *irq, bool level);

/* -------------------------------------------------------------------------- time */

struct clock;

/* Calls `fire` at a point of guest time.  Owned by the device; init before use. */
struct timer {
    struct clock *clock;
    void (*fire)(void *context);
    void *context;
    uint64_t deadline_ns;
    bool is_armed;
    struct timer *next, *previous; /* the clock's */
};

/* Guest time in nanoseconds: starts near 0, never goes back, stands still while the
 * machine is stopped. */
struct clock {
    uint64_t (*now_ns)(struct clock *clock);
    uint64_t (*wall_ns)(struct clock *clock); /* since 1970: of the guest's clocks */
    void (*set)(struct clock *clock, struct timer *timer, uint64_t deadline_ns);
    void (*cancel)(struct clock *clock, struct timer *timer);
};
uint64_t clock_now_ns(struct clock *clock);
uint64_t clock_wall_ns(struct clock *clock);

void timer_init(struct timer *timer, struct clock *clock, void (*fire)(void *context),
                void *context);
/* From any thread; a deadline in the past fires soon, never at once.  An armed timer
 * moves.  After a cancel under the bus lock it does not fire. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
void timer_cancel(struct timer *timer);

/* ------------------------------------------------------------------ guest memory */

/* The memory that a device reaches: RAM and ROM, never registers, so no access leads back
 * into a device. */
struct dma {
    int (*read)(struct dma *dma, uint64_t addr, void *to, size_t size);
    int (*write)(struct dma *dma, uint64_t addr, const void *from, size_t size);
    size_t (*map)(struct dma *dma, uint64_t addr, size_t size, bool write, void **host);
};

/* 0, or -1: not all of it is memory (some of it may have been copied). */
int dma_read(struct dma *dma, uint64_t addr, void *to, size_t size);
int dma_write(struct dma *dma, uint64_t addr, const void *from, size_t size);
/* One little-endian number of 1, 2, 4 or 8 bytes, aligned, in one piece; a load comes
 * before what follows it, a store after what was before it (acquire, release). */
int dma_load(struct dma *dma, uint64_t addr, unsigned size, uint64_t *value);
int dma_store(struct dma *dma, uint64_t addr, unsigned size, uint64_t value);
/* For bulk transfers: how many bytes from addr on (at most `size`, 0: none) are one piece
 * at *host.  The piece stays valid until the device's next reset.  Before writing to it
 * ask with `write`; other threads may change it at any time. */
size_t dma_map(struct dma *dma, uint64_t addr, size_t size, bool write, void **host);

/* Message-signalled interrupts: a device writes 4 bytes to an address that the guest has
 * told it.  Memory takes them; of devices only those whose class says `takes_msi`: these
 * are entered while another device is, so they send none themselves and ask nothing of
 * others, and only raise lines of CPUs.  A message to any other place is the guest's
 * error, and is lost. */
struct msi {
    void (*send)(struct msi *msi, uint64_t addr, uint32_t data);
};
void msi_send(struct msi *msi, uint64_t addr, uint32_t data); /* msi NULL: lost */

/* Memory that a device has in place of its region 0: flash.  While it is shown, CPUs read
 * it without asking the device; otherwise reads are the device's, and writes always are.
 * The machine makes it, zeroed, before init, and keeps it as it keeps RAM. */
struct dev_memory {
    uint8_t *bytes;
    uint64_t size;
    void (*show)(struct dev_memory *memory, bool is_shown);
    /* The device has written there. */
    void (*changed)(struct dev_memory *memory, uint64_t offset, uint64_t size);
};

/* ---------------------------------------------------------------------- back ends */

/* A serial line's other end.  The device fills in `user` and `device` at init. */
enum char_event {
    CHAR_OPENED, /* somebody is at the other end */
    CHAR_CLOSED,
    CHAR_BREAK,
    CHAR_FOCUSED, /* of a shared line: it has the keys now */
    CHAR_UNFOCUSED,
};
struct char_user {
    size_t (*room)(void *device); /* how many bytes it takes now */
    void (*receive)(void *device, const uint8_t *bytes, size_t count); /* <= room */
    void (*sent)(void *device); /* the back end takes bytes again; may be NULL */
    void (*event)(void *device, enum char_event event); /* may be NULL */
};
struct char_backend {
    /* Returns how many it took; fewer than `count`: `sent` will be called. */
    size_t (*write)(struct char_backend *backend, const uint8_t *bytes, size_t count);
    void (*ready)(struct char_backend *backend); /* the device has room again */
    bool is_open, is_shared;
    const struct char_user *user;
    void *device;
};
/* All of these take NULL for a line that leads nowhere. */
void char_connect(struct char_backend *backend, const struct char_user *user,
                  void *device);
size_t char_write(struct char_backend *backend, const uint8_t *bytes, size_t count);
void char_ready(struct char_backend *backend);

struct span {
    void *base;
    size_t size;
};

/* A disk.  A request belongs to the back end from submit until `done`, which runs on the
 * device thread under the bus lock, never within submit. */
enum block_op { BLOCK_READ = 1, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_ZEROES };
struct block_request {
    enum block_op op;
    bool may_unmap;           /* of BLOCK_ZEROES */
    uint64_t offset, size;    /* in bytes; the spans are `size` in all */
    const struct span *spans; /* of reads and writes; stay valid until done */
    unsigned span_count;
    void (*done)(struct block_request *request, int error); /* 0 or an errno */
    void *context;                                          /* the device's */
    struct block_request *next;                             /* the back end's */
    void *backend_data;                                     /* the back end's */
    uint64_t backend_ns;                                    /* and this */
};
struct block_backend {
    uint64_t size_bytes;
    uint32_t block_size; /* logical, in bytes: 512 as a rule */
    bool read_only, can_discard;
    const char *serial; /* may be NULL */
    void (*submit)(struct block_backend *backend, struct block_request *request);
    /* Returns when every request of this device is done (`done` was called). */
    void (*drain)(struct block_backend *backend);
    /* What becomes of writes and reads that fail, as -drive's werror= and rerror= have
     * it; NULL: as the drive says.  -1: there is no such.  May be NULL. */
    int (*on_errors)(struct block_backend *backend, const char *of_writes,
                     const char *of_reads);
    void (*resized)(void *device); /* the device's; may be NULL */
    void *device;
};

/* A network.  Frames are whole, without checksum (FCS). */
struct net_user {
    bool (*can_receive)(void *device);
    bool (*receive)(void *device, const uint8_t *frame, size_t size); /* false: dropped */
    void (*link)(void *device, bool is_up);                           /* may be NULL */
};
struct net_backend {
    void (*send)(struct net_backend *backend, const struct span *spans, unsigned count);
    void (*ready)(struct net_backend *backend); /* the device can receive again */
    uint8_t mac[6];
    bool has_mac, is_up;
    const struct net_user *user;
    void *device;
};

/* ------------------------------------------------------------------------ devices */

/* What a device can ask of the machine. */
enum power_event { POWER_OFF = 1, POWER_RESET };
struct power {
    void (*request)(struct power *power, enum power_event event, int status);
};

enum { DEV_REGIONS = 8 };

/* A kind of device.  Only name, doc and size must be there. */
struct dev_class {
    const char *name, *doc; /* doc: one line, for -device help */
    const char *bus;        /* what it is plugged into; NULL: the board's own bus */
    const char *provides;   /* the bus of what may be plugged into it */
    const char *comes_with; /* the class of what its property `device` is made to be */
    bool takes_msi;         /* a struct msi may write its registers */
    size_t size;            /* of its struct, which begins with a struct dev */
    uint64_t mmio_size;     /* of region 0; a board may give it less */
    bool is_memory;         /* region 0 is a struct dev_memory */
    uint64_t region_size[DEV_REGIONS]; /* of 1 and up */
    const struct reg *regs;
    const struct field *fields;
    const struct property *properties; /* ends with a row of zeros */
    unsigned state_version;            /* of `fields`; changes with their meaning */
    /* Once, when properties and lines are there.  0, or -1 and why in `error`. */
    int (*init)(struct dev *dev, char *error, size_t size);
    void (*reset)(struct dev *dev); /* also after init */
    uint64_t (*read)(struct dev *dev, struct access at);
    void (*write)(struct dev *dev, struct access at, uint64_t value);
    void (*set_line)(struct dev *dev, unsigned line, bool level); /* its input lines */
    /* Registers that are not on the bus, but of the CPU that an output leads to: by the
     * manual's numbers.  The bits of `mask` become those of *value, which is then what
     * was there.  false: there is no such register. */
    bool (*exchange)(struct dev *dev, unsigned output, uint32_t reg, uint64_t mask,
                     uint64_t *value);
    /* Before a save, which calls it: finishes what is under way.  It may write to guest
     * memory, so all devices are settled before memory is saved. */
    void (*settle)(struct dev *dev);
    int (*loaded)(struct dev *dev); /* after a load: 0, or -1: no such state */
    void (*destroy)(struct dev *dev);
};

struct dev {
    const struct dev_class *class;
    const char *name; /* on this board: `uart0` */
    struct clock *clock;
    struct dma *dma;
    struct msi *msi;
    struct power *power;
    struct dev_memory *memory; /* of is_memory; NULL: it has no place */
    struct irq *irqs;          /* output lines, as many as the board says */
    unsigned irq_count;
    /* NULL, or told of every access; `reg` is its register's name. */
    void (*trace)(const struct dev *dev, const char *reg, struct access at,
                  uint64_t value, bool is_write);
    /* NULL, or told of what happens in a part that is no register, as `queue0`. */
    void (*event)(const struct dev *dev, const char *part, const char *text);
};

extern const struct dev_class *const dev_classes[]; /* ends with NULL */
const struct dev_class *dev_class_find(const char *name);

/* The life of one: new, set and connect, lines and services into the struct, init,
 * (reset, read, write)*, free.  -1: `error` says why. */
enum { DEV_ERROR = 256 };
struct dev *dev_new(const struct dev_class *class, const char *name);
int dev_set(struct dev *dev, const char *property, const char *value,
            char error[DEV_ERROR]);
int dev_connect(struct dev *dev, const char *property, void *to, char error[DEV_ERROR]);
void dev_get(const struct dev *dev, const struct property *property, char *text,
             size_t size);
int dev_init(struct dev *dev, char error[DEV_ERROR]);
void dev_reset(struct dev *dev);
void dev_free(struct dev *dev);

/* Any offset, any width: what the table does not allow is reported as the guest's error;
 * it reads as 0 and writes nothing. */
uint64_t dev_read(struct dev *dev, unsigned region, uint64_t offset, unsigned size);
void dev_write(struct dev *dev, unsigned region, uint64_t offset, unsigned size,
               uint64_t value);
void dev_set_line(struct dev *dev, unsigned line, bool level);

bool dev_exchange(struct dev *dev, unsigned output, uint32_t reg, uint64_t mask,
                  uint64_t *value);

/* Of devices, for what they raise and ask. */
void dev_irq(struct dev *dev, unsigned output, bool level);
void dev_event(const struct dev *dev, const char *part, unsigned number, const char *fmt,
               ...) __attribute__((format(printf, 4, 5)));
void dev_power(struct dev *dev, enum power_event event, int status);

/* The row that an access belongs to; NULL: none, and *why says what is wrong. */
const struct reg *dev_find_reg(const struct dev_class *class, unsigned region,
                               uint64_t offset, unsigned size, struct access *at,
                               const char **why);

/* State as bytes, the same on every host.  Save appends; load takes its bytes from the
 * front of `bytes`: how many, or -1: they are not of such a device. */
struct dev_state {
    uint8_t *bytes; /* free() it */
    size_t size, capacity;
};
void dev_settle(struct dev *dev);
void dev_save(struct dev *dev, struct dev_state *state);
int64_t dev_load(struct dev *dev, const uint8_t *bytes, size_t size);
/* To be looked at: all that dev_save() saves, as it is now; a timer's is its deadline. */
void dev_each_field(const struct dev *dev,
                    void (*each)(void *context, const char *name, uint64_t value),
                    void *context);

#endif

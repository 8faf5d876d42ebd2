/* aplic_test.c - interrupt domains: a root alone, and a root with a child. */
#include <check.h>

#include "dev/rig.h"

enum {
    DOMAINCFG = 0,
    SOURCECFG = 0x4,
    MMSIADDRCFG = 0x1bc0,
    SETIP = 0x1c00,
    IN_CLRIP = 0x1d00,
    SETIENUM = 0x1edc,
    SETIPNUM_LE = 0x2000,
    GENMSI = 0x3000,
    TARGET = 0x3004,
    IDC = 0x4000,
    TOPI = 0x4018,
    CLAIMI = 0x401c,
};
enum { IE = 0x100, DELEGATE = 0x400, EDGE1 = 4, LEVEL1 = 6, LEVEL0 = 7 };

static struct {
    struct msi msi; /* first: found by it */
    uint64_t addr;
    uint32_t data;
    unsigned count;
} sent;

static void note_message(struct msi *msi, uint64_t addr, uint32_t data)
{
    (void)msi;
    sent.addr = addr;
    sent.data = data;
    sent.count++;
}

static struct rig *new_aplic(const char *msi, struct rig *parent)
{
    struct rig *rig = rig_new("aplic");
    char error[DEV_ERROR];

    memset(&sent, 0, sizeof(sent));
    sent.msi.send = note_message;
    rig->dev->msi = &sent.msi;
    rig_set(rig, "harts", "2");
    rig_set(rig, "msi", msi);
    if (parent)
        dev_connect(rig->dev, "parent", parent->dev, error);
    rig_init(rig);
    return rig;
}

/* A source that is on, of a mode and for a target. */
static void use(struct rig *rig, unsigned source, unsigned mode, uint32_t target)
{
    rig_write(rig, SOURCECFG + 4 * (source - 1), 4, mode);
    rig_write(rig, TARGET + 4 * (source - 1), 4, target);
    rig_write(rig, SETIENUM, 4, source);
}

static void deliver(struct rig *rig, unsigned hart)
{
    rig_write(rig, DOMAINCFG, 4, IE);
    rig_write(rig, IDC + 0x20 * hart, 4, 1);
}

START_TEST(a_level_is_pending_as_long_as_it_is_there)
{
    struct rig *rig = new_aplic("off", NULL);

    deliver(rig, 1);
    use(rig, 10, LEVEL1, 1 << 18 | 3);
    dev_set_line(rig->dev, 10, true);
    ck_assert(rig->levels[1]);
    ck_assert(!rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, CLAIMI + 0x20, 4), 10 << 16 | 3);
    ck_assert(rig->levels[1]); /* a claim does not clear it */
    ck_assert_uint_eq(rig_read(rig, IN_CLRIP, 4), 1 << 10);
    dev_set_line(rig->dev, 10, false);
    ck_assert(!rig->levels[1]);
    ck_assert_uint_eq(rig_read(rig, CLAIMI + 0x20, 4), 0);
    use(rig, 11, LEVEL0, 1 << 18); /* low, and of priority 1 */
    ck_assert_uint_eq(rig_read(rig, TOPI + 0x20, 4), 11 << 16 | 1);
    rig_free(rig);
}
END_TEST

START_TEST(an_edge_is_pending_until_the_claim)
{
    struct rig *rig = new_aplic("off", NULL);

    deliver(rig, 0);
    use(rig, 3, EDGE1, 9);
    use(rig, 40, EDGE1, 8);
    dev_set_line(rig->dev, 3, true);
    dev_set_line(rig->dev, 3, false);
    dev_set_line(rig->dev, 40, true);
    ck_assert_uint_eq(rig_read(rig, CLAIMI, 4), 40 << 16 | 8); /* lower number first */
    ck_assert_uint_eq(rig_read(rig, CLAIMI, 4), 3 << 16 | 9);
    ck_assert(!rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(the_parent_says_whose_a_source_is)
{
    struct rig *root = new_aplic("off", NULL), *child = new_aplic("off", root);

    deliver(child, 0);
    use(child, 5, LEVEL1, 1);
    ck_assert_uint_eq(rig_read(child, SOURCECFG + 16, 4), 0);
    rig_write(root, SOURCECFG + 16, 4, DELEGATE);
    ck_assert_uint_eq(rig_read(root, SOURCECFG + 16, 4), DELEGATE);
    use(child, 5, LEVEL1, 1);
    dev_set_line(child->dev, 5, true); /* the wires are the root's */
    ck_assert(child->levels[0]);
    ck_assert_uint_eq(rig_read(root, SETIP, 4), 0);
    rig_write(root, SOURCECFG + 16, 4, 0);
    ck_assert_uint_eq(rig_read(child, SOURCECFG + 16, 4), 0);
    rig_write(child, SOURCECFG, 4, DELEGATE); /* it has no child */
    ck_assert_uint_eq(rig_read(child, SOURCECFG, 4), 0);
    rig_free(child);
    rig_free(root);
}
END_TEST

START_TEST(a_message_goes_where_the_registers_say)
{
    struct rig *rig = new_aplic("on", NULL);

    rig_write(rig, MMSIADDRCFG, 4, 0x24000);
    rig_write(rig, MMSIADDRCFG + 4, 4, 0x80001000); /* one bit of hart index; locked */
    rig_write(rig, MMSIADDRCFG, 4, 0);
    rig_write(rig, DOMAINCFG, 4, IE);
    use(rig, 7, LEVEL1, 1 << 18 | 33);
    dev_set_line(rig->dev, 7, true);
    ck_assert_uint_eq(sent.count, 1);
    ck_assert_uint_eq(sent.addr, 0x24001000);
    ck_assert_uint_eq(sent.data, 33);
    ck_assert_uint_eq(rig_read(rig, SETIP, 4), 0);
    rig_write(rig, SETIPNUM_LE, 4, 7); /* still high: once more */
    ck_assert_uint_eq(sent.count, 2);
    dev_set_line(rig->dev, 7, false);
    rig_write(rig, SETIPNUM_LE, 4, 7);
    ck_assert_uint_eq(sent.count, 2);
    rig_write(rig, GENMSI, 4, 5);
    ck_assert_uint_eq(sent.count, 3);
    ck_assert_uint_eq(sent.addr, 0x24000000);
    ck_assert_uint_eq(sent.data, 5);
    rig_free(rig);
}
END_TEST

START_TEST(an_inactive_source_holds_nothing)
{
    struct rig *rig = new_aplic("off", NULL);

    use(rig, 9, 2, 5); /* a reserved mode */
    rig_write(rig, SETIPNUM_LE, 4, 9);
    ck_assert_uint_eq(rig_read(rig, TARGET + 32, 4), 0);
    ck_assert_uint_eq(rig_read(rig, SETIP, 4), 0);
    use(rig, 9, EDGE1, 5);
    rig_write(rig, SETIPNUM_LE, 4, 9);
    ck_assert_uint_eq(rig_read(rig, SETIP, 4), 1 << 9);
    use(rig, 9, 0, 5);
    ck_assert_uint_eq(rig_read(rig, SETIP, 4), 0);
    use(rig, 97, EDGE1, 5); /* there are 96 */
    ck_assert_uint_eq(rig_read(rig, SOURCECFG + 4 * 96, 4), 0);
    rig_free(rig);
}
END_TEST

RIG_MAIN("aplic", a_level_is_pending_as_long_as_it_is_there,
         an_edge_is_pending_until_the_claim, the_parent_says_whose_a_source_is,
         a_message_goes_where_the_registers_say, an_inactive_source_holds_nothing)

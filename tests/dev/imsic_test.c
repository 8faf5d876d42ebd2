/* imsic_test.c - interrupt files, alone: two harts, identities 1 to 63. */
#include <check.h>

#include "dev/rig.h"

enum { EIDELIVERY = 0x70, EITHRESHOLD = 0x72, EIP0 = 0x80, EIE0 = 0xc0, TOPEI = 0x100 };
enum { PAGE = 0x1000 };
#define ALL UINT64_MAX

static struct rig *new_imsic(void)
{
    struct rig *rig = rig_new("imsic");

    rig_set(rig, "harts", "2");
    rig_set(rig, "ids", "63");
    rig_init(rig);
    return rig;
}

/* What was there. */
static uint64_t put(struct rig *rig, unsigned hart, unsigned reg, uint64_t mask,
                    uint64_t value)
{
    ck_assert(dev_exchange(rig->dev, hart, reg, mask, &value));
    return value;
}

static uint64_t get(struct rig *rig, unsigned hart, unsigned reg)
{
    return put(rig, hart, reg, 0, 0);
}

START_TEST(a_message_raises_the_line_of_its_hart)
{
    struct rig *rig = new_imsic();

    put(rig, 1, EIE0, ALL, 1 << 5);
    rig_write(rig, PAGE, 4, 5);
    ck_assert(!rig->levels[1]); /* no delivery */
    put(rig, 1, EIDELIVERY, ALL, 1);
    ck_assert(rig->levels[1]);
    ck_assert(!rig->levels[0]);
    ck_assert_uint_eq(get(rig, 1, TOPEI), 5 << 16 | 5);
    ck_assert_uint_eq(get(rig, 0, EIP0), 0);
    ck_assert_uint_eq(rig_read(rig, PAGE, 4), 0);
    rig_free(rig);
}
END_TEST

START_TEST(a_claim_clears_what_was_read)
{
    struct rig *rig = new_imsic();
    uint64_t top;

    put(rig, 0, EIDELIVERY, ALL, 1);
    put(rig, 0, EIE0 + 1, ALL, UINT32_MAX);
    rig_write(rig, 0, 4, 40);
    top = get(rig, 0, TOPEI);
    rig_write(rig, 0, 4, 33); /* comes between the read and the write */
    put(rig, 0, TOPEI, ALL, top);
    ck_assert_uint_eq(get(rig, 0, TOPEI), 33 << 16 | 33);
    put(rig, 0, TOPEI, ALL, get(rig, 0, TOPEI));
    ck_assert_uint_eq(get(rig, 0, TOPEI), 0);
    ck_assert(!rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(the_threshold_hides_identities_from_it_on)
{
    struct rig *rig = new_imsic();

    put(rig, 0, EIDELIVERY, ALL, 1);
    put(rig, 0, EIE0, ALL, UINT32_MAX);
    put(rig, 0, EITHRESHOLD, ALL, 7);
    rig_write(rig, 0, 4, 7);
    ck_assert(!rig->levels[0]);
    put(rig, 0, EITHRESHOLD, ALL, 8);
    ck_assert(rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(only_bits_of_the_mask_change)
{
    struct rig *rig = new_imsic();

    put(rig, 0, EIP0, ALL, 0xf0);
    ck_assert_uint_eq(put(rig, 0, EIP0, 0x30, 0x1f), 0xf0);
    ck_assert_uint_eq(get(rig, 0, EIP0), 0xd0);
    rig_free(rig);
}
END_TEST

START_TEST(what_is_not_there_does_nothing)
{
    static const uint32_t ids[] = { 0, 64, 2048, UINT32_MAX };
    struct rig *rig = new_imsic();
    uint64_t value = 1;

    put(rig, 0, EIDELIVERY, ALL, ALL);
    ck_assert_uint_eq(get(rig, 0, EIDELIVERY), 1);
    for (unsigned i = 0; i < 64; i++)
        put(rig, 0, EIE0 + i, ALL, ALL);
    ck_assert_uint_eq(get(rig, 0, EIE0), 0xfffffffe);
    ck_assert_uint_eq(get(rig, 0, EIE0 + 1), UINT32_MAX);
    ck_assert_uint_eq(get(rig, 0, EIE0 + 2), 0);
    put(rig, 0, 0x71, ALL, 5);
    ck_assert_uint_eq(get(rig, 0, 0x71), 0);
    for (unsigned i = 0; i < COUNT(ids); i++) {
        rig_write(rig, 0, 4, ids[i]);
        rig_write(rig, 2 * PAGE, 4, ids[i]);
    }
    ck_assert(!rig->levels[0]);
    ck_assert(!dev_exchange(rig->dev, 2, TOPEI, 0, &value));
    ck_assert(!dev_exchange(rig->dev, 0, 0x6f, 0, &value));
    ck_assert(!dev_exchange(rig->dev, 0, 0x101, 0, &value));
    rig_free(rig);
}
END_TEST

RIG_MAIN("imsic", a_message_raises_the_line_of_its_hart, a_claim_clears_what_was_read,
         the_threshold_hides_identities_from_it_on, only_bits_of_the_mask_change,
         what_is_not_there_does_nothing)

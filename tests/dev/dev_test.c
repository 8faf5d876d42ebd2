/* dev_test.c - what all devices share, shown on those that there are. */
#include <check.h>

#include "dev/rig.h"

START_TEST(every_class_has_a_name_a_line_and_a_sound_table)
{
    for (size_t i = 0; dev_classes[i]; i++) {
        const struct dev_class *class = dev_classes[i];

        ck_assert_ptr_nonnull(class->name);
        ck_assert_ptr_nonnull(class->doc);
        ck_assert_uint_ge(class->size, sizeof(struct dev));
        ck_assert_ptr_eq(dev_class_find(class->name), class);
        for (const struct reg *reg = class->regs; reg && reg->name; reg++) {
            ck_assert_uint_ne(reg->widths & 15, 0);
            ck_assert_uint_eq(reg->widths & ~15, 0);
            ck_assert_uint_ne(reg->access & RW, 0);
            ck_assert_msg(reg->count < 2 || strstr(reg->name, "%u"), "%s has no number",
                          reg->name);
        }
    }
}
END_TEST

START_TEST(every_register_is_found_at_its_own_place)
{
    for (size_t i = 0; dev_classes[i]; i++) {
        for (const struct reg *reg = dev_classes[i]->regs; reg && reg->name; reg++) {
            unsigned size = 8;
            struct access at;
            const char *why;

            while (!(reg->widths & size))
                size /= 2;
            ck_assert_ptr_eq(
                dev_find_reg(dev_classes[i], reg->region, reg->offset, size, &at, &why),
                reg);
            ck_assert_uint_eq(at.reg, reg->offset);
            ck_assert_uint_eq(at.index, 0);
        }
    }
}
END_TEST

START_TEST(what_the_table_does_not_allow_reads_as_0_and_writes_nothing)
{
    struct rig *rig = rig_new("sifive-test");

    rig_init(rig);
    rig_write(rig, 0, 8, 0x5555); /* width */
    rig_write(rig, 4, 4, 0x5555); /* no register */
    rig_write(rig, 1, 2, 0x5555); /* not aligned */
    rig_write(rig, 2, 4, 0x5555); /* straddles its end */
    rig_write(rig, UINT64_MAX, 4, 0x5555);
    ck_assert_uint_eq(rig->power_requests, 0);
    ck_assert_uint_eq(rig_read(rig, 0x1000, 4), 0);
    ck_assert_uint_eq(rig_read(rig, 0, 3), 0);
    rig_free(rig);

    rig = rig_new("goldfish-rtc");
    rig_init(rig);
    ck_assert_uint_eq(rig_read(rig, 0x14, 4), 0); /* CLEAR_ALARM is written only */
    rig_free(rig);
}
END_TEST

START_TEST(properties_are_checked_and_shown)
{
    struct rig *rig = rig_new("sifive-plic");
    const struct property *property = rig->dev->class->properties;
    char error[DEV_ERROR], text[32];

    ck_assert_int_eq(dev_set(rig->dev, "sources", "31", error), 0);
    dev_get(rig->dev, property, text, sizeof(text));
    ck_assert_str_eq(text, "31");
    ck_assert_int_eq(dev_set(rig->dev, "sources", "0", error), -1);
    ck_assert_int_eq(dev_set(rig->dev, "sources", "1024", error), -1);
    ck_assert_int_eq(dev_set(rig->dev, "sources", "many", error), -1);
    ck_assert_int_eq(dev_set(rig->dev, "sources", "-1", error), -1);
    ck_assert_int_eq(dev_set(rig->dev, "colour", "1", error), -1);
    ck_assert_str_eq(error, "sifive-plic has no property `colour`");
    rig_free(rig);
}
END_TEST

START_TEST(an_init_that_fails_says_why)
{
    struct rig *rig = rig_new("sifive-plic");
    char error[DEV_ERROR];

    rig_set(rig, "priorities", "6");
    ck_assert_int_eq(dev_init(rig->dev, error), -1);
    ck_assert_str_eq(error, "priorities is 2^n - 1, not 6");
    rig_free(rig);
}
END_TEST

START_TEST(state_of_another_size_or_version_is_refused)
{
    struct rig *rig = rig_new("goldfish-rtc"), *other = rig_new("sifive-plic");
    struct dev_state state = { 0 };

    rig_init(rig);
    rig_init(other);
    dev_save(rig->dev, &state);
    ck_assert_int_eq(dev_load(rig->dev, state.bytes, state.size), (int64_t)state.size);
    ck_assert_int_eq(dev_load(rig->dev, state.bytes, state.size - 1), -1);
    ck_assert_int_eq(dev_load(rig->dev, state.bytes, 0), -1);
    ck_assert_int_eq(dev_load(other->dev, state.bytes, state.size), -1);
    state.bytes[0]++;
    ck_assert_int_eq(dev_load(rig->dev, state.bytes, state.size), -1);
    free(state.bytes);
    rig_free(rig);
    rig_free(other);
}
END_TEST

START_TEST(saved_state_is_little_endian)
{
    struct rig *rig = rig_new("goldfish-rtc");
    struct dev_state state = { 0 };

    rig_init(rig);
    rig_write(rig, 0x0c, 4, 0x11223344); /* ALARM_HIGH: the second field */
    dev_save(rig->dev, &state);
    ck_assert_uint_eq(state.bytes[0], 1); /* state_version */
    ck_assert_uint_eq(state.bytes[4], state.size - 8);
    ck_assert_uint_eq(state.bytes[8 + 8 + 4], 0x44);
    ck_assert_uint_eq(state.bytes[8 + 8 + 7], 0x11);
    free(state.bytes);
    rig_free(rig);
}
END_TEST

START_TEST(guest_memory_is_loaded_and_stored_as_little_endian_numbers)
{
    struct rig *rig = rig_new("sifive-test");
    uint64_t value;

    for (unsigned size = 1; size <= 8; size *= 2) {
        ck_assert_int_eq(dma_store(&rig->dma, 64, size, UINT64_C(0x8877665544332211)), 0);
        ck_assert_uint_eq(rig->memory[64], 0x11);
        ck_assert_uint_eq(rig->memory[64 + size - 1], size * 0x11);
        ck_assert_int_eq(dma_load(&rig->dma, 64, size, &value), 0);
        ck_assert_uint_eq(value,
                          UINT64_C(0x8877665544332211) >> 0 &
                              (size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1));
    }
    ck_assert_int_eq(dma_load(&rig->dma, RIG_MEMORY - 2, 4, &value), -1);
    ck_assert_int_eq(dma_store(&rig->dma, RIG_MEMORY, 1, 0), -1);
    ck_assert_int_eq(dma_load(&rig->dma, UINT64_MAX, 8, &value), -1);
    rig_free(rig);
}
END_TEST

RIG_MAIN("dev", every_class_has_a_name_a_line_and_a_sound_table,
         every_register_is_found_at_its_own_place,
         what_the_table_does_not_allow_reads_as_0_and_writes_nothing,
         properties_are_checked_and_shown, an_init_that_fails_says_why,
         state_of_another_size_or_version_is_refused, saved_state_is_little_endian,
         guest_memory_is_loaded_and_stored_as_little_endian_numbers)

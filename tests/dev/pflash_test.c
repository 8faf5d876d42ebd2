/* pflash_test.c - flash: its modes, what programming and erasing do, and its image. */
#include "dev/rig.h"

enum { BLOCK = 256 << 10, ARRAY = 0xff00ff, READY = 0x800080 };

static uint64_t get(struct rig *rig, uint64_t at)
{
    return dev_read(rig->dev, 0, at, 4);
}

static void put(struct rig *rig, uint64_t at, uint32_t value)
{
    dev_write(rig->dev, 0, at, 4, value);
}

static struct rig *begin(void)
{
    struct rig *rig = rig_new("cfi.pflash01");

    rig_init(rig);
    return rig;
}

START_TEST(an_array_is_memory_until_a_command)
{
    struct rig *rig = begin();

    memcpy(rig->own_bytes + 8, "abcd", 4);
    ck_assert(rig->is_shown);
    ck_assert_uint_eq(get(rig, 8), 0x64636261);
    put(rig, 0, 0x700070);
    ck_assert(!rig->is_shown);
    ck_assert_uint_eq(get(rig, 8), READY);
    ck_assert_uint_eq(dev_read(rig->dev, 0, 8, 8), READY * UINT64_C(0x100000001));
    put(rig, 0, ARRAY);
    ck_assert(rig->is_shown);
    ck_assert_uint_eq(dev_read(rig->dev, 0, 8, 8), 0x64636261);
    rig_free(rig);
}
END_TEST

START_TEST(both_chips_answer_a_query)
{
    struct rig *rig = begin();

    put(rig, 0x55 * 4, 0x980098);
    ck_assert_uint_eq(get(rig, 0x10 * 4), 'Q' | 'Q' << 16);
    ck_assert_uint_eq(dev_read(rig->dev, 0, 0x12 * 4 + 2, 2), 'Y');
    ck_assert_uint_eq(get(rig, 0x27 * 4) & 0xff, 18); /* half of 512 KiB */
    ck_assert_uint_eq(get(rig, 0x2d * 4) & 0xff, 1);  /* two blocks */
    put(rig, 0, 0x900090);
    ck_assert_uint_eq(get(rig, 0), 0x890089);
    ck_assert_uint_eq(get(rig, 4), 0x180018);
    rig_free(rig);
}
END_TEST

static void erase(struct rig *rig, uint64_t at)
{
    put(rig, at, 0x200020);
    put(rig, at, 0xd000d0);
}

START_TEST(an_erase_sets_a_block_and_a_program_clears_bits)
{
    struct rig *rig = begin();

    erase(rig, BLOCK + 100);
    ck_assert_uint_eq(get(rig, 0), READY);
    put(rig, 0, ARRAY);
    ck_assert_uint_eq(get(rig, BLOCK - 4), 0);
    ck_assert_uint_eq(get(rig, BLOCK), 0xffffffff);
    ck_assert_uint_eq(get(rig, 2 * BLOCK - 4), 0xffffffff);
    put(rig, BLOCK, 0x400040);
    put(rig, BLOCK, 0x1234ffff);
    put(rig, BLOCK, 0x400040);
    put(rig, BLOCK, 0xff00abcd);
    /* eight bytes are two writes: a command, and what it is about */
    dev_write(rig->dev, 0, BLOCK + 8, 8, UINT64_C(0x5678000000400040));
    put(rig, 0, ARRAY);
    ck_assert_uint_eq(get(rig, BLOCK), 0x1200abcd);
    ck_assert_uint_eq(get(rig, BLOCK + 12), 0x56780000);
    ck_assert_uint_eq(rig->changes, 4);
    rig_free(rig);
}
END_TEST

START_TEST(an_erase_that_is_not_confirmed_fails)
{
    struct rig *rig = begin();

    put(rig, 0, 0x200020);
    put(rig, 0, 0x00);
    ck_assert_uint_eq(get(rig, 0) & 0xff, 0xb0);
    put(rig, 0, 0x500050);
    ck_assert_uint_eq(get(rig, 0), READY);
    ck_assert_uint_eq(rig->changes, 0);
    rig_free(rig);
}
END_TEST

START_TEST(a_buffer_is_written_at_once)
{
    struct rig *rig = begin();

    erase(rig, 0);
    put(rig, 0, 0xe800e8);
    ck_assert_uint_eq(get(rig, 0), READY);
    put(rig, 0, 0x010001); /* two words */
    put(rig, 0x1000, 0x11111111);
    put(rig, 0x1004, 0x22222222);
    ck_assert_uint_eq(rig->own_bytes[0x1000], 0xff);
    put(rig, 0x1000, 0xd000d0);
    ck_assert_uint_eq(get(rig, 0), READY);
    put(rig, 0, ARRAY);
    ck_assert_uint_eq(get(rig, 0x1000), 0x11111111);
    ck_assert_uint_eq(get(rig, 0x1004), 0x22222222);
    ck_assert_uint_eq(get(rig, 0x1008), 0xffffffff);
    rig_free(rig);
}
END_TEST

START_TEST(a_buffer_across_two_is_refused)
{
    struct rig *rig = begin();

    erase(rig, 0);
    put(rig, 0, 0xe800e8);
    put(rig, 0, 0x010001);
    put(rig, 0x1ffc, 1);
    put(rig, 0x2000, 2);
    put(rig, 0x1ffc, 0xd000d0);
    ck_assert_uint_eq(get(rig, 0) & 0xff, 0x90);
    ck_assert_uint_eq(rig->own_bytes[0x1ffc], 0xff);
    rig_free(rig);
}
END_TEST

/* ---------------------------------------------------------------------------- images */

static uint8_t image[RIG_OWN];
static int image_error;

/* A drive that is done at once. */
static void image_submit(struct block_backend *drive, struct block_request *request)
{
    (void)drive;
    if (request->op == BLOCK_READ)
        memcpy(request->spans->base, image, request->size);
    else if (!image_error)
        memcpy(image + request->offset, request->spans->base, request->size);
    request->done(request, image_error);
}

static void image_drain(struct block_backend *drive)
{
    (void)drive;
}

static struct rig *with_image(struct block_backend *drive)
{
    struct rig *rig = rig_new("cfi.pflash01");

    *drive = (struct block_backend){ .size_bytes = RIG_OWN,
                                     .block_size = 512,
                                     .read_only = drive->read_only,
                                     .submit = image_submit,
                                     .drain = image_drain };
    memset(image, 0xa5, sizeof(image));
    image_error = 0;
    rig_connect(rig->dev, "drive", drive);
    rig_init(rig);
    return rig;
}

START_TEST(an_image_is_read_and_written)
{
    struct block_backend drive = { 0 };
    struct rig *rig = with_image(&drive);

    ck_assert_uint_eq(get(rig, 0x3000), 0xa5a5a5a5);
    put(rig, 0, 0x400040);
    put(rig, 0x3000, 0);
    ck_assert_uint_eq(image[0x3000], 0);
    ck_assert_uint_eq(image[0x3004], 0xa5);
    erase(rig, BLOCK);
    ck_assert_uint_eq(image[BLOCK - 1], 0xa5);
    ck_assert_uint_eq(image[BLOCK], 0xff);
    rig_free(rig);
}
END_TEST

START_TEST(an_image_that_cannot_be_written_fails)
{
    struct block_backend drive = { .read_only = true };
    struct rig *rig = with_image(&drive);

    put(rig, 0, 0x400040);
    put(rig, 0x3000, 0);
    ck_assert_uint_eq(get(rig, 0) & 0xff, 0x90);
    put(rig, 0, 0x500050);
    erase(rig, 0);
    ck_assert_uint_eq(get(rig, 0) & 0xff, 0xa0);
    rig_free(rig);
    drive.read_only = false;
    rig = with_image(&drive);
    image_error = 5;
    erase(rig, 0);
    erase(rig, 0);
    ck_assert_uint_eq(get(rig, 0) & 0xff, 0xa0);
    rig_free(rig);
}
END_TEST

START_TEST(an_image_of_another_size_is_refused)
{
    struct block_backend drive = { .size_bytes = 1000, .submit = image_submit };
    struct rig *rig = rig_new("cfi.pflash01");
    char error[DEV_ERROR];

    rig_connect(rig->dev, "drive", &drive);
    ck_assert_int_eq(dev_init(rig->dev, error), -1);
    ck_assert_str_eq(error, "cfi.pflash01: its image has 1000 bytes, want 524288");
    rig_free(rig);
}
END_TEST

RIG_MAIN("pflash", an_array_is_memory_until_a_command, both_chips_answer_a_query,
         an_erase_sets_a_block_and_a_program_clears_bits,
         an_erase_that_is_not_confirmed_fails, a_buffer_is_written_at_once,
         a_buffer_across_two_is_refused, an_image_is_read_and_written,
         an_image_that_cannot_be_written_fails, an_image_of_another_size_is_refused)

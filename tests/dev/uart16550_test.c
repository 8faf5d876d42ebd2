/* uart16550_test.c - the 16550A, alone. */
#include <check.h>

#include "dev/rig.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2 };
enum { LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

static struct rig *new_uart(void)
{
    struct rig *rig = rig_new("uart16550");

    rig_init(rig);
    return rig;
}

static void receive(struct rig *rig, const char *text)
{
    rig->chardev.user->receive(rig->chardev.device, (const uint8_t *)text, strlen(text));
}

static size_t room(struct rig *rig)
{
    return rig->chardev.user->room(rig->chardev.device);
}

START_TEST(what_is_written_goes_out)
{
    struct rig *rig = new_uart();

    rig_write(rig, THR, 1, 'h');
    rig_write(rig, THR, 1, 'i');
    ck_assert_uint_eq(rig->sent_count, 2);
    ck_assert_mem_eq(rig->sent, "hi", 2);
    ck_assert_uint_eq(rig_read(rig, LSR, 1), 0x60);
    rig_free(rig);
}
END_TEST

START_TEST(the_divisor_latch_hides_data_and_ier)
{
    struct rig *rig = new_uart();

    rig_write(rig, IER, 1, 5);
    rig_write(rig, LCR, 1, 0x83);
    rig_write(rig, DLL, 1, 0x34);
    rig_write(rig, DLM, 1, 0x12);
    ck_assert_uint_eq(rig_read(rig, DLL, 1), 0x34);
    ck_assert_uint_eq(rig_read(rig, DLM, 1), 0x12);
    ck_assert_uint_eq(rig->sent_count, 0);
    rig_write(rig, LCR, 1, 3);
    ck_assert_uint_eq(rig_read(rig, IER, 1), 5);
    rig_free(rig);
}
END_TEST

START_TEST(enabling_the_transmit_interrupt_raises_it_and_iir_clears_it)
{
    struct rig *rig = new_uart();

    rig_write(rig, IER, 1, 2);
    ck_assert(rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, IIR, 1), 2);
    ck_assert(!rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, IIR, 1), 1);
    rig_write(rig, THR, 1, 'x');
    ck_assert(rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(a_slow_line_fills_the_fifo_and_empties_it_later)
{
    struct rig *rig = new_uart();

    rig->sent_limit = 0;
    rig_write(rig, FCR, 1, 1);
    for (unsigned i = 0; i < 20; i++)
        rig_write(rig, THR, 1, 'a' + i); /* the last four are lost */
    ck_assert_uint_eq(rig_read(rig, LSR, 1) & 0x60, 0);
    rig->sent_limit = 10;
    rig->chardev.user->sent(rig->chardev.device);
    ck_assert_uint_eq(rig_read(rig, LSR, 1) & 0x60, 0);
    rig->sent_limit = RIG_SENT;
    rig->chardev.user->sent(rig->chardev.device);
    ck_assert_uint_eq(rig_read(rig, LSR, 1) & 0x60, 0x60);
    ck_assert_uint_eq(rig->sent_count, 16);
    ck_assert_mem_eq(rig->sent, "abcdefghijklmnop", 16);
    rig_free(rig);
}
END_TEST

START_TEST(without_fifos_one_byte_is_received)
{
    struct rig *rig = new_uart();

    rig_write(rig, IER, 1, 1);
    ck_assert_uint_eq(room(rig), 1);
    receive(rig, "z");
    ck_assert_uint_eq(room(rig), 0);
    ck_assert(rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, IIR, 1), 4);
    ck_assert_uint_eq(rig_read(rig, LSR, 1), 0x61);
    ck_assert_uint_eq(rig_read(rig, RBR, 1), 'z');
    ck_assert(!rig->levels[0]);
    ck_assert_uint_ne(rig->ready_calls, 0);
    rig_free(rig);
}
END_TEST

START_TEST(below_the_trigger_level_the_timeout_interrupts)
{
    struct rig *rig = new_uart();

    rig_write(rig, FCR, 1, 0x81); /* trigger at 8 */
    rig_write(rig, IER, 1, 1);
    receive(rig, "abc");
    ck_assert(!rig->levels[0]);
    rig_pass(rig, 10000000);
    ck_assert(rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, IIR, 1), 0xcc);
    ck_assert_uint_eq(rig_read(rig, RBR, 1), 'a');
    ck_assert(!rig->levels[0]); /* it begins to wait again */
    rig_pass(rig, 10000000);
    ck_assert(rig->levels[0]);
    receive(rig, "defghi");
    ck_assert_uint_eq(rig_read(rig, IIR, 1), 0xc4);
    rig_free(rig);
}
END_TEST

START_TEST(loop_mode_receives_what_it_sends_and_reads_its_own_outputs)
{
    struct rig *rig = new_uart();

    rig_write(rig, MCR, 1, 0x10 | 0x0a); /* RTS, OUT2: CTS, DCD */
    ck_assert_uint_eq(rig_read(rig, MSR, 1) & 0xf0, 0x90);
    rig_write(rig, THR, 1, 'l');
    ck_assert_uint_eq(rig->sent_count, 0);
    ck_assert_uint_eq(rig_read(rig, RBR, 1), 'l');
    rig_write(rig, THR, 1, '1');
    rig_write(rig, THR, 1, '2');
    ck_assert_uint_eq(rig_read(rig, LSR, 1) & 3, 3); /* overrun */
    ck_assert_uint_eq(rig_read(rig, LSR, 1) & 3, 1);
    ck_assert_uint_eq(room(rig), 0);
    rig_free(rig);
}
END_TEST

START_TEST(a_break_is_a_zero_with_an_error)
{
    struct rig *rig = new_uart();

    rig_write(rig, IER, 1, 4);
    rig->chardev.user->event(rig->chardev.device, CHAR_BREAK);
    ck_assert_uint_eq(rig_read(rig, IIR, 1), 6);
    ck_assert_uint_eq(rig_read(rig, LSR, 1) & 0x11, 0x11);
    ck_assert_uint_eq(rig_read(rig, RBR, 1), 0);
    ck_assert_uint_eq(rig_read(rig, LSR, 1) & 0x11, 0);
    rig_free(rig);
}
END_TEST

START_TEST(a_divisor_of_0_is_no_busy_loop)
{
    struct rig *rig = new_uart();

    rig_write(rig, FCR, 1, 0xc1);
    rig_write(rig, IER, 1, 1);
    rig_write(rig, LCR, 1, 0x80);
    rig_write(rig, DLL, 1, 0);
    rig_write(rig, DLM, 1, 0);
    rig_write(rig, LCR, 1, 0);
    receive(rig, "a");
    rig_pass(rig, 1);
    ck_assert(rig->levels[0]);
    for (unsigned i = 0; i < RIG_TIMERS; i++)
        ck_assert_ptr_null(rig->timers[i]);
    rig_free(rig);
}
END_TEST

START_TEST(a_reset_empties_it_and_lowers_its_line)
{
    struct rig *rig = new_uart();

    rig_write(rig, IER, 1, 15);
    rig_write(rig, SCR, 1, 0x5a);
    receive(rig, "a");
    ck_assert(rig->levels[0]);
    dev_reset(rig->dev);
    ck_assert(!rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, LSR, 1), 0x60);
    ck_assert_uint_eq(rig_read(rig, SCR, 1), 0);
    rig_free(rig);
}
END_TEST

RIG_MAIN("uart16550", what_is_written_goes_out, the_divisor_latch_hides_data_and_ier,
         enabling_the_transmit_interrupt_raises_it_and_iir_clears_it,
         a_slow_line_fills_the_fifo_and_empties_it_later,
         without_fifos_one_byte_is_received,
         below_the_trigger_level_the_timeout_interrupts,
         loop_mode_receives_what_it_sends_and_reads_its_own_outputs,
         a_break_is_a_zero_with_an_error, a_divisor_of_0_is_no_busy_loop,
         a_reset_empties_it_and_lowers_its_line)

/* uart16550.c - the 16550A serial port, one byte a register.
 *
 * Bytes leave at once: the transmitter is empty unless the back end takes no more, and
 * then its FIFO fills as on a slow line.  Received bytes below the trigger level raise
 * the time-out interrupt after four character times.
 *
 * Spec: PC16550D data sheet (National Semiconductor, 1995).
 * Not modelled: the baud rate (but for the time-out), parity and word length, DMA. */
#include "dev/dev.h"

#include <string.h>

enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

/* clang-format off */
static const struct reg regs[] = {
    { RBR_THR, 1, RW, "RBR/THR" }, /* DLL and DLM while LCR.DLAB */
    { IER,     1, RW, "IER"     },
    { IIR_FCR, 1, RW, "IIR/FCR" },
    { LCR,     1, RW, "LCR"     },
    { MCR,     1, RW, "MCR"     },
    { LSR,     1, RO, "LSR"     },
    { MSR,     1, RO, "MSR"     },
    { SCR,     1, RW, "SCR"     },
    { 0 },
};
/* clang-format on */

enum { IER_RX = 1, IER_TX = 2, IER_LINE = 4, IER_MODEM = 8 };
enum {
    IIR_NONE = 1,
    IIR_MODEM = 0,
    IIR_TX = 2,
    IIR_RX = 4,
    IIR_LINE = 6,
    IIR_TIMEOUT = 12
};
enum { IIR_FIFOS = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4 };
enum { LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16 };
enum {
    LSR_DATA = 1,
    LSR_OVERRUN = 2,
    LSR_BREAK = 0x10,
    LSR_TX_EMPTY = 0x20,
    LSR_IDLE = 0x40,
    LSR_ERRORS = 0x1e,
};
enum {
    MSR_CTS = 0x10,
    MSR_DSR = 0x20,
    MSR_RI = 0x40,
    MSR_DCD = 0x80,
    MSR_CHANGES = 0x0f
};
enum { FIFO = 16 };

struct fifo {
    uint8_t bytes[FIFO];
    uint8_t count; /* the first of them is the oldest */
};

struct uart {
    struct dev dev;
    struct char_backend *chardev;
    uint32_t clock_hz;
    uint16_t divisor;
    uint8_t ier, fcr, lcr, mcr, scr;
    uint8_t errors;  /* the LSR_ERRORS that nobody has read yet */
    uint8_t changes; /* the MSR_CHANGES that nobody has read yet */
    uint8_t status;  /* the other half of MSR */
    bool tx_irq;     /* the transmitter became empty, and nobody has heard yet */
    bool rx_timeout;
    struct fifo rx, tx;
    struct timer timer;
};

static const struct field fifo_fields[] = {
    FIELD_ARRAY(struct fifo, bytes),
    FIELD(struct fifo, count),
    { 0 },
};

/* FIELD_STRUCTS is of arrays; one is an array of one. */
#define FIELD_FIFO(member)                                                               \
    {                                                                                    \
#member, offsetof(struct uart, member), sizeof(struct fifo), 1, FIELD_IS_STRUCT, \
            fifo_fields                                                                  \
    }

static const struct field fields[] = {
    FIELD(struct uart, divisor),
    FIELD(struct uart, ier),
    FIELD(struct uart, fcr),
    FIELD(struct uart, lcr),
    FIELD(struct uart, mcr),
    FIELD(struct uart, scr),
    FIELD(struct uart, errors),
    FIELD(struct uart, changes),
    FIELD(struct uart, status),
    FIELD(struct uart, tx_irq),
    FIELD(struct uart, rx_timeout),
    FIELD_FIFO(rx),
    FIELD_FIFO(tx),
    FIELD_TIMER(struct uart, timer),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(CHARDEV, struct uart, chardev, "what is at the other end"),
    PROPERTY(U32, struct uart, clock_hz, "input clock in Hz", 3686400, 1, UINT32_MAX),
    { 0 },
};

/* --------------------------------------------------------------------- interrupts */

static unsigned uart_trigger(const struct uart *uart)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return uart->fcr & FCR_ENABLE ? levels[uart->fcr >> 6] : 1;
}

static unsigned uart_iir(const struct uart *uart)
{
    if ((uart->ier & IER_LINE) && uart->errors)
        return IIR_LINE;
    if ((uart->ier & IER_RX) && uart->rx.count >= uart_trigger(uart))
        return IIR_RX;
    if ((uart->ier & IER_RX) && uart->rx_timeout)
        return IIR_TIMEOUT;
    if ((uart->ier & IER_TX) && uart->tx_irq)
        return IIR_TX;
    if ((uart->ier & IER_MODEM) && uart->changes)
        return IIR_MODEM;
    return IIR_NONE;
}

static void uart_update(struct uart *uart)
{
    dev_irq(&uart->dev, 0, uart_iir(uart) != IIR_NONE);
}

/* ---------------------------------------------------------------------- receiving */

static size_t uart_capacity(const struct uart *uart)
{
    return uart->fcr & FCR_ENABLE ? FIFO : 1;
}

static size_t uart_room(void *device)
{
    const struct uart *uart = device;
    size_t capacity = uart_capacity(uart);

    if ((uart->mcr & MCR_LOOP) || uart->rx.count >= capacity)
        return 0;
    return capacity - uart->rx.count;
}

static void uart_timeout(void *context)
{
    struct uart *uart = context;

    if (uart->rx.count)
        uart->rx_timeout = true;
    uart_update(uart);
}

/* Starts to wait for four characters that do not come. */
static void uart_wait(struct uart *uart)
{
    uint64_t character = UINT64_C(10) * 16 * 1000000000 * uart->divisor / uart->clock_hz;

    uart->rx_timeout = false;
    if (uart->rx.count && (uart->fcr & FCR_ENABLE))
        timer_arm(&uart->timer, clock_now_ns(uart->dev.clock) + 4 * character);
    else
        timer_cancel(&uart->timer);
}

static void uart_push(struct uart *uart, uint8_t byte)
{
    if (uart->rx.count < uart_capacity(uart))
        uart->rx.bytes[uart->rx.count++] = byte;
    else
        uart->errors |= LSR_OVERRUN;
}

static void uart_receive(void *device, const uint8_t *bytes, size_t count)
{
    struct uart *uart = device;

    for (size_t i = 0; i < count; i++)
        uart_push(uart, bytes[i]);
    uart_wait(uart);
    uart_update(uart);
}

static void uart_event(void *device, enum char_event event)
{
    struct uart *uart = device;

    if (event != CHAR_BREAK || !uart_room(uart))
        return;
    uart->errors |= LSR_BREAK;
    uart_receive(uart, (const uint8_t *)"", 1);
}

static uint8_t uart_pop(struct uart *uart)
{
    uint8_t byte = uart->rx.bytes[0];

    if (!uart->rx.count)
        return 0;
    uart->rx.count--;
    memmove(uart->rx.bytes, uart->rx.bytes + 1, uart->rx.count);
    uart_wait(uart);
    uart_update(uart);
    char_ready(uart->chardev);
    return byte;
}

/* ------------------------------------------------------------------- transmitting */

/* Hands on what the back end takes. */
static void uart_flush(struct uart *uart)
{
    size_t taken = char_write(uart->chardev, uart->tx.bytes, uart->tx.count);

    uart->tx.count -= taken;
    memmove(uart->tx.bytes, uart->tx.bytes + taken, uart->tx.count);
    if (!uart->tx.count)
        uart->tx_irq = true;
    uart_update(uart);
}

static void uart_sent(void *device)
{
    struct uart *uart = device;

    if (uart->tx.count)
        uart_flush(uart);
}

static void uart_send(struct uart *uart, uint8_t byte)
{
    uart->tx_irq = false;
    if (uart->mcr & MCR_LOOP) {
        uart->tx_irq = true;
        uart_receive(uart, &byte, 1);
        return;
    }
    if (uart->tx.count >= uart_capacity(uart))
        return; /* lost, as on the wire */
    uart->tx.bytes[uart->tx.count++] = byte;
    uart_flush(uart);
}

static const struct char_user user = { uart_room, uart_receive, uart_sent, uart_event };

/* ---------------------------------------------------------------------- registers */

/* The other side is there and ready; in loop mode it is our own outputs. */
static void uart_modem(struct uart *uart)
{
    uint8_t status = MSR_CTS | MSR_DSR | MSR_DCD, changed;

    if (uart->mcr & MCR_LOOP)
        status =
            (uart->mcr & MCR_RTS ? MSR_CTS : 0) | (uart->mcr & MCR_DTR ? MSR_DSR : 0) |
            (uart->mcr & MCR_OUT1 ? MSR_RI : 0) | (uart->mcr & MCR_OUT2 ? MSR_DCD : 0);
    changed = status ^ uart->status;
    changed &= ~(status & MSR_RI); /* only its end counts */
    uart->changes |= changed >> 4;
    uart->status = status;
}

static uint8_t uart_read_iir(struct uart *uart)
{
    unsigned iir = uart_iir(uart);

    if (iir == IIR_TX) {
        uart->tx_irq = false;
        uart_update(uart);
    }
    return iir | (uart->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t uart_read_lsr(struct uart *uart)
{
    uint8_t lsr = uart->errors | (uart->rx.count ? LSR_DATA : 0) |
                  (uart->tx.count ? 0 : LSR_TX_EMPTY | LSR_IDLE);

    uart->errors = 0;
    uart_update(uart);
    return lsr;
}

static uint8_t uart_read_msr(struct uart *uart)
{
    uint8_t msr = uart->status | uart->changes;

    uart->changes = 0;
    uart_update(uart);
    return msr;
}

static uint64_t uart_read(struct dev *dev, struct access at)
{
    struct uart *uart = (struct uart *)dev;
    bool dlab = uart->lcr & LCR_DLAB;

    switch (at.reg) {
    case RBR_THR: return dlab ? uart->divisor & 0xff : uart_pop(uart);
    case IER: return dlab ? uart->divisor >> 8 : uart->ier;
    case IIR_FCR: return uart_read_iir(uart);
    case LCR: return uart->lcr;
    case MCR: return uart->mcr;
    case LSR: return uart_read_lsr(uart);
    case MSR: return uart_read_msr(uart);
    case SCR: return uart->scr;
    }
    return 0;
}

static void uart_write_fcr(struct uart *uart, uint8_t value)
{
    if ((value ^ uart->fcr) & FCR_ENABLE)
        value |= FCR_CLEAR_RX | FCR_CLEAR_TX;
    uart->fcr = value & FCR_ENABLE ? value & (FCR_ENABLE | IIR_FIFOS) : 0;
    if (value & FCR_CLEAR_RX) {
        uart->rx.count = 0;
        uart_wait(uart);
        char_ready(uart->chardev);
    }
    if ((value & FCR_CLEAR_TX) && uart->tx.count) {
        uart->tx.count = 0;
        uart->tx_irq = true;
    }
}

static void uart_write(struct dev *dev, struct access at, uint64_t value)
{
    struct uart *uart = (struct uart *)dev;
    bool dlab = uart->lcr & LCR_DLAB;

    switch (at.reg) {
    case RBR_THR:
        if (dlab)
            uart->divisor = (uart->divisor & 0xff00) | value;
        else
            uart_send(uart, value);
        break;
    case IER:
        if (dlab) {
            uart->divisor = (uart->divisor & 0xff) | value << 8;
            break;
        }
        /* Enabling it while the transmitter is empty raises it. */
        if ((value & ~uart->ier & IER_TX) && !uart->tx.count)
            uart->tx_irq = true;
        uart->ier = value & 0x0f;
        break;
    case IIR_FCR: uart_write_fcr(uart, value); break;
    case LCR: uart->lcr = value; break;
    case MCR:
        uart->mcr = value & 0x1f;
        uart_modem(uart);
        char_ready(uart->chardev);
        break;
    case SCR: uart->scr = value; break;
    }
    uart_update(uart);
}

/* --------------------------------------------------------------------------- life */

static int uart_init(struct dev *dev, char *error, size_t size)
{
    struct uart *uart = (struct uart *)dev;

    (void)error;
    (void)size;
    timer_init(&uart->timer, dev->clock, uart_timeout, uart);
    char_connect(uart->chardev, &user, uart);
    return 0;
}

static void uart_reset(struct dev *dev)
{
    struct uart *uart = (struct uart *)dev;

    timer_cancel(&uart->timer);
    uart->divisor = 12;
    uart->ier = uart->fcr = uart->lcr = uart->mcr = uart->scr = 0;
    uart->errors = 0;
    uart->rx.count = uart->tx.count = 0;
    uart->tx_irq = uart->rx_timeout = false;
    uart_modem(uart);
    uart->changes = 0;
    uart_update(uart);
    char_ready(uart->chardev);
}

static int uart_loaded(struct dev *dev)
{
    struct uart *uart = (struct uart *)dev;

    if (uart->rx.count > FIFO || uart->tx.count > FIFO || (uart->fcr & 0x3e) ||
        (uart->errors & ~LSR_ERRORS) || (uart->changes & ~MSR_CHANGES))
        return -1;
    uart_update(uart);
    char_ready(uart->chardev);
    return 0;
}

static void uart_destroy(struct dev *dev)
{
    struct uart *uart = (struct uart *)dev;

    timer_cancel(&uart->timer);
    char_connect(uart->chardev, NULL, NULL);
}

const struct dev_class uart16550 = {
    .name = "uart16550",
    .doc = "16550A serial port",
    .size = sizeof(struct uart),
    .mmio_size = 0x100,
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = uart_init,
    .reset = uart_reset,
    .read = uart_read,
    .write = uart_write,
    .loaded = uart_loaded,
    .destroy = uart_destroy,
};

/* fw_cfg.c - a bare program in flash that prints what it gets through fw_cfg: its files,
 * kernel, initial disk and command line.  M-mode or S-mode. */
typedef unsigned char byte;
typedef unsigned int word;

enum { KERNEL_SIZE = 0x08, INITRD_SIZE = 0x0b, KERNEL = 0x11, INITRD = 0x12 };
enum { LINE_SIZE = 0x14, LINE = 0x15, DIRECTORY = 0x19, CPUS = 0x05, UUID = 0x02 };
enum { READ = 2, SELECT = 8, MOST = 1 << 20 };

static volatile byte *const uart = (byte *)0x10000000;
static volatile byte *const data = (byte *)0x10100000;
static volatile unsigned short *const selector = (unsigned short *)0x10100008;
static volatile word *const dma = (word *)0x10100010;
static byte *const room = (byte *)0x81000000;

__asm__(".section .start, \"ax\"\n"
        ".globl _start\n"
        "_start: bnez a0, _start\n" /* the first CPU only */
        "    li sp, 0x80f00000\n"
        "    j main\n"
        ".text\n");

static void put(const char *text)
{
    while (*text)
        *uart = *text++;
}

static void number(word value)
{
    if (value >= 10)
        number(value / 10);
    *uart = '0' + value % 10;
}

static word little(unsigned key, unsigned size)
{
    word value = 0;

    *selector = (unsigned short)(key >> 8 | key << 8);
    for (unsigned i = 0; i < size; i++)
        value |= (word)*data << 8 * i;
    return value;
}

static word big(const byte *at, unsigned size)
{
    word value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

static void put_big(volatile byte *at, word value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (byte)(value >> (24 - 8 * i));
}

/* A register of 4 bytes; RISC-V is little-endian. */
static void write_big(volatile word *at, word value)
{
    word swapped = 0;

    put_big((byte *)&swapped, value);
    __asm__ volatile("" : "+m"(swapped)::"memory");
    *at = swapped;
}

static void read_by_dma(unsigned key, word size, byte *to)
{
    volatile byte descriptor[16]; /* control, size, address */

    put_big(descriptor, key << 16 | SELECT | READ);
    put_big(descriptor + 4, size);
    put_big(descriptor + 8, 0);
    put_big(descriptor + 12, (word)(unsigned long)to);
    write_big(dma, 0);
    write_big(dma + 1, (word)(unsigned long)descriptor);
    if (descriptor[3])
        put("it cannot be read: ");
}

/* How long it is, and either itself or, of a long one, the sum of its bytes. */
static void show(const char *what, unsigned key, word size)
{
    word sum = 0;

    put(what);
    put(" ");
    number(size);
    put(" ");
    read_by_dma(key, size, room);
    for (word i = 0; i < size; i++)
        sum += room[i];
    if (size > 64) {
        number(sum);
    } else {
        for (word i = 0; i < size; i++)
            *uart = room[i] >= ' ' && room[i] < 127 ? room[i] : '.';
    }
    put("\n");
}

static void show_files(void)
{
    byte entry[4 + 8 * 64];
    word count;

    read_by_dma(DIRECTORY, sizeof(entry), entry);
    count = big(entry, 4);
    for (word i = 0; i < count && i < 8; i++) {
        const byte *at = entry + 4 + 64 * i;

        show((const char *)at + 8, big(at + 4, 2), big(at, 4));
    }
}

void main(void)
{
    show("uuid", UUID, 16);
    put("CPUs ");
    number(little(CPUS, 2));
    put("\n");
    show_files();
    show("kernel", KERNEL, little(KERNEL_SIZE, 4));
    show("initrd", INITRD, little(INITRD_SIZE, 4));
    show("line", LINE, little(LINE_SIZE, 4));
    *(volatile word *)0x100000 = 0x5555;
    for (;;)
        ;
}

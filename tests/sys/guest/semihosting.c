/* semihosting.c - a bare program that asks its host for everything there is, and prints
 * what came of it; RV32 or RV64, M-mode.  It ends with status 7. */
typedef unsigned long word; /* XLEN bits */
typedef unsigned char byte;

enum { OPEN = 1, CLOSE, WRITEC, WRITE0, WRITE, READ, READC, ISERROR, ISTTY, SEEK };
enum { FLEN = 12, TMPNAM, REMOVE, RENAME, CLOCK, TIME, SYSTEM, ERRNO, GET_CMDLINE = 21 };
enum { HEAPINFO = 22, EXIT = 24, EXIT_EXTENDED = 32, ELAPSED = 48, TICKFREQ };
enum { R = 0, RB, R_PLUS, W = 4, W_PLUS = 6, A = 8 };
enum { MIB = 1 << 20 };

__asm__(".section .start, \"ax\"\n"
        ".globl _start\n"
        "_start: bnez a0, _start\n" /* the first CPU only */
        "    la sp, stack_end\n"
        "    j main\n"
        ".balign 16\n"
        ".option push\n"
        ".option norvc\n"
        "ask: slli x0, x0, 0x1f\n"
        "    ebreak\n"
        "    srai x0, x0, 7\n"
        "    ret\n"
        ".option pop\n"
        ".bss\n.balign 16\n.space 16384\nstack_end:\n.text\n");

word ask(word number, const volatile void *argument);

static byte large[3 * 4096 + 5];

static word ask3(word number, word x, word y, word z)
{
    volatile word block[3] = { x, y, z };

    return ask(number, block);
}

static word length(const char *text)
{
    word size = 0;

    while (text[size])
        size++;
    return size;
}

static void put(const char *text)
{
    ask(WRITE0, text);
}

static void number(word value)
{
    char digits[24], *at = digits + sizeof(digits) - 1;
    int is_negative = (long)value < 0;

    *at = 0;
    if (is_negative)
        value = -value;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    if (is_negative)
        *--at = '-';
    put(at);
}

static word say(const char *what, word value)
{
    put(what);
    put(": ");
    number(value);
    put("\n");
    return value;
}

static word open(const char *name, word mode)
{
    return ask3(OPEN, (word)name, mode, length(name));
}

static word remove(const char *name)
{
    return ask3(REMOVE, (word)name, length(name), 0);
}

static void files(void)
{
    static char bytes[16];
    word file = open("made", W_PLUS), old;

    say("a file is open", file != (word)-1);
    say("is a terminal", ask3(ISTTY, file, 0, 0));
    say("what is not written", ask3(WRITE, file, (word) "hello, world", 12));
    say("its length", ask3(FLEN, file, 0, 0));
    say("seek", ask3(SEEK, file, 7, 0));
    say("what is not read", ask3(READ, file, (word)bytes, sizeof(bytes)));
    put(bytes);
    put("\n");
    say("at the end", ask3(READ, file, (word)bytes, sizeof(bytes)));
    say("close", ask3(CLOSE, file, 0, 0));
    say("close again", ask3(CLOSE, file, 0, 0));
    say("write to no file", ask3(WRITE, file, (word)bytes, 4));
    file = open("made", A);
    say("append", ask3(WRITE, file, (word) "!", 1));
    say("its length", ask3(FLEN, file, 0, 0));
    ask3(CLOSE, file, 0, 0);
    file = open("made", RB);
    say("write to what is to be read", ask3(WRITE, file, (word) "!", 1));
    ask3(CLOSE, file, 0, 0);
    {
        volatile word block[4] = { (word) "made", 4, (word) "moved", 5 };

        say("rename", ask(RENAME, block));
    }
    say("no such file", open("made", R));
    say("errno", ask(ERRNO, 0));
    old = open("moved", R);
    say("remove", remove("moved"));
    say("remove again", remove("moved"));
    say("no such file", open("moved", R_PLUS));
    say("a removed file's length", ask3(FLEN, old, 0, 0));
    ask3(CLOSE, old, 0, 0);
}

static void pages(void)
{
    word file = open("pages", W_PLUS), sum = 0;

    for (word i = 0; i < sizeof(large); i++)
        large[i] = (byte)(i * 7 + i / 4096);
    say("many bytes", ask3(WRITE, file, (word)large, sizeof(large)));
    for (word i = 0; i < sizeof(large); i++)
        large[i] = 0;
    ask3(SEEK, file, 0, 0);
    say("... and back", ask3(READ, file, (word)large, sizeof(large) + 3));
    for (word i = 0; i < sizeof(large); i++)
        sum += large[i] == (byte)(i * 7 + i / 4096);
    say("... as they were", sum);
    ask3(CLOSE, file, 0, 0);
    remove("pages");
}

static void features(void)
{
    byte bytes[8] = { 0 };
    word file = open(":semihosting-features", R);

    say("the features' length", ask3(FLEN, file, 0, 0));
    say("... and read", ask3(READ, file, (word)bytes, 4));
    put((char *)bytes);
    put("\n");
    say("seek", ask3(SEEK, file, 4, 0));
    say("... and read", ask3(READ, file, (word)bytes, 8));
    say("features", bytes[0]);
    say("to be written", open(":semihosting-features", W));
    ask3(CLOSE, file, 0, 0);
}

static void console(void)
{
    word in = open(":tt", R), out = open(":tt", W);
    char bytes[8] = { 0 };

    say("three keys", ask3(READ, in, (word)bytes, 3));
    put(bytes);
    put("\n");
    say("one more", ask(READC, 0));
    say("to the console", ask3(WRITE, out, (word) "", 0));
    ask(WRITEC, "x");
    put("\n");
    ask3(CLOSE, in, 0, 0);
    ask3(CLOSE, out, 0, 0);
}

static void others(void)
{
    static char line[64];
    volatile word block[2] = { (word)line, sizeof(line) }, heap[4];
    volatile word ticks[4 / sizeof(word) * 2 + 2] = { 0 };
    word before = ask(CLOCK, 0);

    say("the command line", ask(GET_CMDLINE, block));
    put(line);
    put("\n");
    say("its length", block[1]);
    block[1] = 3;
    say("no room for it", ask(GET_CMDLINE, block));
    say("is an error", ask3(ISERROR, -1, 0, 0) != 0);
    say("is none", ask3(ISERROR, 1, 0, 0));
    say("the name of a temporary file", ask3(TMPNAM, (word)large, 7, sizeof(large)));
    say("... is one", large[0] == '/');
    say("... with no room for it", ask3(TMPNAM, (word)large, 7, 4));
    say("the time is later than in 2020", ask(TIME, 0) > 1577836800);
    say("the clock goes on", (long)(ask(CLOCK, 0) - before) >= 0);
    say("ticks a second", ask(TICKFREQ, 0));
    say("elapsed", ask(ELAPSED, ticks));
    say("... are some", (ticks[0] | ticks[1]) != 0);
    block[0] = (word)heap;
    say("heap", ask(HEAPINFO, block));
    say("... begins in MiB", heap[0] / MIB);
    say("... behind this", heap[0] >= (word)&large);
    say("... ends at MiB", heap[1] / MIB);
    say("... where the stack begins", heap[1] == heap[2]);
}

/* What no program should do: the rest of memory is behind `end`. */
static void wrong(void)
{
    word end = 0x84000000, file = open("wrong", W), most = (word)-1;
    word many = most >> 1;

    say("a call that there is not", ask(99, 0));
    say("errno", ask(ERRNO, 0));
    say("parameters that are nowhere", ask(CLOSE, (void *)(most - 7)));
    say("errno", ask(ERRNO, 0));
    say("parameters that end there", ask(OPEN, (void *)(end - sizeof(word))));
    say("a name that is too long", ask3(OPEN, (word)large, 0, most));
    say("a name that is nowhere", ask3(OPEN, 64, 0, 5));
    say("an odd mode", ask3(OPEN, (word)large, 12, 1));
    say("write more than there is", many - ask3(WRITE, file, end - 5000, many));
    say("read from what is to be written", ask3(READ, file, (word)large, 5));
    ask3(CLOSE, file, 0, 0);
    file = open("wrong", R);
    say("... all of it was", ask3(FLEN, file, 0, 0));
    say("read more than there is room", many - ask3(READ, file, end - 3, many));
    say("seek nowhere", ask3(SEEK, 99, 0, 0));
    say("more than can be", ask3(WRITE, file, 0, most) == most);
    ask3(CLOSE, file, 0, 0);
    remove("wrong");
    ask(WRITE0, (void *)most);
    for (int i = 0; i < 100; i++)
        file = open(":tt", R);
    say("too many files", file);
    say("errno", ask(ERRNO, 0));
}

void main(void)
{
    volatile word block[2] = { 0x20026, 7 };

    files();
    pages();
    features();
    console();
    others();
    wrong();
    put("end\n");
    ask(EXIT_EXTENDED, block);
    for (;;)
        ;
}

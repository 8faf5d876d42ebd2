/* coremix.c - what CoreMark does, in about its proportions: a linked list is searched,
 * reversed and merge-sorted, a small integer matrix multiplied, numbers in a text scanned
 * by a state machine, and each result taken into a CRC-16.  Argument: iterations.
 *
 * The code is our own; its figures are not CoreMark's. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint16_t crc16(uint16_t crc, uint16_t value)
{
    for (int i = 0; i < 16; i++) {
        unsigned bit = (crc ^ value) & 1;

        crc >>= 1;
        value >>= 1;
        if (bit)
            crc ^= 0xa001;
    }
    return crc;
}

/* --- the list */

enum { ITEMS = 40 };

struct item {
    struct item *next;
    int16_t value, index;
};

static struct item items[ITEMS];

static int by_value(const struct item *a, const struct item *b)
{
    return a->value - b->value;
}

static int by_index(const struct item *a, const struct item *b)
{
    return a->index - b->index;
}

static struct item *make_list(uint32_t seed)
{
    for (int i = 0; i < ITEMS; i++) {
        seed = seed * 1103515245u + 12345;
        items[i].value = seed >> 16 & 0x7ff;
        items[i].index = i;
        items[i].next = i + 1 < ITEMS ? &items[i + 1] : NULL;
    }
    return items;
}

static struct item *find(struct item *list, int16_t value)
{
    while (list && (list->value & 0xff) != value)
        list = list->next;
    return list;
}

static struct item *reverse(struct item *list)
{
    struct item *done = NULL;

    while (list) {
        struct item *next = list->next;

        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static struct item *merge(struct item *a, struct item *b,
                          int (*cmp)(const struct item *, const struct item *))
{
    struct item *list = NULL, **end = &list;

    while (a && b) {
        struct item **least = cmp(a, b) <= 0 ? &a : &b;

        *end = *least;
        end = &(*least)->next;
        *least = (*least)->next;
    }
    *end = a ? a : b;
    return list;
}

static struct item *sort(struct item *list,
                         int (*cmp)(const struct item *, const struct item *))
{
    struct item *middle = list, *second;

    if (!list || !list->next)
        return list;
    for (struct item *last = list->next; last && last->next; last = last->next->next)
        middle = middle->next;
    second = middle->next;
    middle->next = NULL;
    return merge(sort(list, cmp), sort(second, cmp), cmp);
}

static uint16_t list_work(uint16_t crc, uint32_t seed)
{
    struct item *list = make_list(seed);
    int found = 0;

    for (int16_t value = 0; value < 60; value++) {
        struct item *item = find(list, value);

        found += item ? item->value : 1;
        list = reverse(list);
    }
    list = sort(list, by_value);
    crc = crc16(crc, list->value + found);
    list = sort(list, by_index);
    for (; list; list = list->next)
        crc = crc16(crc, list->value);
    return crc;
}

/* --- the matrix */

enum { SIDE = 9 };

static int16_t left[SIDE][SIDE], right[SIDE][SIDE];
static int32_t product[SIDE][SIDE];

static void multiply(int shift)
{
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t sum = 0;

            for (int k = 0; k < SIDE; k++) {
                int32_t term = (int32_t)left[i][k] * right[k][j];

                sum += shift ? (term >> 2 & 15) * (term >> 5 & 127) : term;
            }
            product[i][j] = sum;
        }
}

static uint16_t matrix_work(uint16_t crc, uint32_t seed)
{
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            seed = seed * 1103515245u + 12345;
            left[i][j] = seed >> 16 & 255;
            right[i][j] = seed >> 24 & 127;
        }
    for (int shift = 0; shift < 2; shift++) {
        int32_t last = 0;
        int16_t rises = 0;

        multiply(shift);
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++) {
                rises += product[i][j] > last ? 10 : 1;
                last = product[i][j];
            }
        crc = crc16(crc16(crc, rises), last);
    }
    return crc;
}

/* --- the state machine */

enum state {
    START,
    SIGN,
    INTEGER,
    DOT,
    FRACTION,
    EXPONENT,
    EXP_SIGN,
    POWER,
    INVALID,
    STATES
};

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum state step(enum state state, char c)
{
    switch (state) {
    case START:
        if (c == '+' || c == '-')
            return SIGN;
        /* fall through */
    case SIGN: return is_digit(c) ? INTEGER : c == '.' ? DOT : INVALID;
    case INTEGER:
        if (c == '.')
            return DOT;
        return is_digit(c) ? INTEGER : INVALID;
    case DOT:
    case FRACTION:
        if (c == 'e' || c == 'E')
            return EXPONENT;
        return is_digit(c) ? FRACTION : INVALID;
    case EXPONENT:
        if (c == '+' || c == '-')
            return EXP_SIGN;
        /* fall through */
    case EXP_SIGN:
    case POWER: return is_digit(c) ? POWER : INVALID;
    default: return INVALID;
    }
}

static uint16_t scan_work(uint16_t crc, uint32_t seed)
{
    static const char text[] = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,"
                               "5.500e+3,-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,"
                               "1T3.4e4z,34.0e-T^,";
    char copy[sizeof(text)];
    int ends[STATES] = { 0 }, steps = 0;
    enum state state = START;

    memcpy(copy, text, sizeof(text));
    for (int damage = 0; damage < 2; damage++) {
        for (const char *p = copy; *p; p++, steps++) {
            if (*p == ',') {
                ends[state]++;
                state = START;
            } else if (state != INVALID) {
                state = step(state, *p);
            }
        }
        for (size_t i = seed % 7; i < sizeof(text) - 1; i += 11)
            if (copy[i] != ',')
                copy[i] ^= seed & 3;
    }
    for (int i = 0; i < STATES; i++)
        crc = crc16(crc, ends[i]);
    return crc16(crc, steps);
}

int main(int argc, char **argv)
{
    long iterations = argc > 1 ? atol(argv[1]) : 10000;
    uint16_t crc = 0;

    for (long i = 0; i < iterations; i++) {
        crc = list_work(crc, i);
        crc = matrix_work(crc, i);
        for (int k = 0; k < 4; k++)
            crc = scan_work(crc, i + k);
    }
    printf("%04x\n", crc);
    return 0;
}

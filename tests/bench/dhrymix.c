/* dhrymix.c - what Dhrystone does, in about its proportions: records copied and followed
 * through pointers, small procedures with arguments by reference, enumerations, string
 * copies and comparisons, a little arithmetic.  Argument: thousand iterations.
 *
 * The code is our own; its figures are not Dhrystone's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APART __attribute__((noinline)) /* calls are what is measured */

enum kind { SMALL, MEDIUM, LARGE };

struct record {
    struct record *next;
    enum kind kind, wanted;
    int amount;
    char name[31];
};

static struct record first, second;
static int counter, table[50][50], row[50];
static char last_letter;

APART static int same_letter(char a, char b)
{
    if (a != b)
        return 0;
    last_letter = a;
    return 1;
}

APART static int is_later(const char *a, const char *b)
{
    int at = 2, letter = 'A';

    while (at <= 2)
        if (!same_letter(a[at], b[at + 1])) {
            letter = 'A';
            at++;
        } else {
            break;
        }
    if (letter >= 'W' && letter < 'Z')
        at = 7;
    if (strcmp(a, b) <= 0)
        return 0;
    counter = at + 7;
    return 1;
}

APART static void add_seven(int a, int b, int *sum)
{
    *sum = a + 2 + b;
}

APART static enum kind next_kind(enum kind kind, int is_set)
{
    switch (kind) {
    case SMALL: return SMALL;
    case MEDIUM: return is_set && counter > 100 ? SMALL : LARGE;
    default: return MEDIUM;
    }
}

APART static void fill_tables(int base, int value)
{
    int at = base + 5;

    row[at] = value;
    row[at + 1] = row[at];
    row[at + 30] = at;
    for (int i = at; i <= at + 1; i++)
        table[at][i] = at;
    table[at][at - 1]++;
    table[at + 20][at] = row[at];
    counter = 5;
}

APART static void follow(struct record *from)
{
    struct record *to = from->next;

    *to = first;
    from->amount = 5;
    to->amount = from->amount;
    to->next = from->next;
    if (to->kind == SMALL) {
        to->amount = 6;
        to->wanted = next_kind(from->wanted, to->amount > 5);
        add_seven(to->amount, 10, &to->amount);
    } else {
        *from = *to;
    }
}

int main(int argc, char **argv)
{
    long iterations = (argc > 1 ? atol(argv[1]) : 1000) * 1000;
    unsigned long sum = 0;

    strcpy(first.name, "A PROGRAM, SOME STRING");
    first.next = &second;
    first.wanted = MEDIUM;
    for (long i = 1; i <= iterations; i++) {
        char one[31] = "A PROGRAM, 1'ST STRING", two[31];
        int a = 2, b = 3, c = 0;

        memcpy(two, "A PROGRAM, 2'ND STRING", 23);
        two[12 + i % 3] ^= i & 1;
        if (!is_later(one, two))
            last_letter = 'B';
        while (a < b) {
            c = 5 * a - b;
            add_seven(a, b, &c);
            a++;
        }
        fill_tables(a, c);
        follow(&first);
        for (char letter = 'A'; letter <= last_letter; letter++)
            if (same_letter(letter, 'C'))
                first.wanted = next_kind(MEDIUM, i & 1);
        b = b * a;
        a = b / c;
        sum += 7 * (b - c) - a + counter + second.amount;
    }
    printf("%lu %d %d %s\n", sum, table[8][7], row[8], second.name);
    return 0;
}

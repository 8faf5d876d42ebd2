/* aes.c - AES-128 with tables made at run time.  Argument: MiB encrypted. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t sbox[256];
static uint32_t table[4][256]; /* SubBytes and MixColumns in one step, per byte */
static uint32_t round_key[44];

static uint8_t times_2(uint8_t x)
{
    return (x << 1) ^ ((x >> 7) * 0x1b);
}

static void make_sbox(void)
{
    uint8_t p = 1, q = 1; /* q is 1/p */

    do {
        p ^= times_2(p);
        q ^= q << 1;
        q ^= q << 2;
        q ^= q << 4;
        if (q & 0x80)
            q ^= 9;
        sbox[p] = 0x63 ^ q ^ (uint8_t)(q << 1 | q >> 7) ^ (uint8_t)(q << 2 | q >> 6) ^
                  (uint8_t)(q << 3 | q >> 5) ^ (uint8_t)(q << 4 | q >> 4);
    } while (p != 1);
    sbox[0] = 0x63;
}

static void make_tables(void)
{
    for (int i = 0; i < 256; i++) {
        uint32_t s = sbox[i], s2 = times_2(s), s3 = s2 ^ s;
        uint32_t word = s2 << 24 | s << 16 | s << 8 | s3;

        for (int k = 0; k < 4; k++) {
            table[k][i] = word;
            word = word >> 8 | word << 24;
        }
    }
}

static uint32_t sub_word(uint32_t w)
{
    return (uint32_t)sbox[w >> 24] << 24 | sbox[w >> 16 & 255] << 16 |
           sbox[w >> 8 & 255] << 8 | sbox[w & 255];
}

static void expand_key(const uint8_t *key)
{
    uint32_t round = 1;

    for (int i = 0; i < 4; i++)
        round_key[i] = (uint32_t)key[4 * i] << 24 | key[4 * i + 1] << 16 |
                       key[4 * i + 2] << 8 | key[4 * i + 3];
    for (int i = 4; i < 44; i++) {
        uint32_t word = round_key[i - 1];

        if (i % 4 == 0) {
            word = sub_word(word << 8 | word >> 24) ^ round << 24;
            round = times_2(round);
        }
        round_key[i] = round_key[i - 4] ^ word;
    }
}

/* One column of a round from one byte of each of four columns. */
#define MIX(a, b, c, d, k)                                                               \
    (table[0][(a) >> 24] ^ table[1][(b) >> 16 & 255] ^ table[2][(c) >> 8 & 255] ^        \
     table[3][(d)&255] ^ (k))
#define LAST(a, b, c, d, k)                                                              \
    (((uint32_t)sbox[(a) >> 24] << 24 | sbox[(b) >> 16 & 255] << 16 |                    \
      sbox[(c) >> 8 & 255] << 8 | sbox[(d)&255]) ^                                       \
     (k))

static void encrypt(uint32_t *block)
{
    const uint32_t *k = round_key;
    uint32_t a = block[0] ^ k[0], b = block[1] ^ k[1];
    uint32_t c = block[2] ^ k[2], d = block[3] ^ k[3];

    for (k += 4; k < round_key + 40; k += 4) {
        uint32_t a1 = MIX(a, b, c, d, k[0]), b1 = MIX(b, c, d, a, k[1]);
        uint32_t c1 = MIX(c, d, a, b, k[2]), d1 = MIX(d, a, b, c, k[3]);

        a = a1;
        b = b1;
        c = c1;
        d = d1;
    }
    block[0] = LAST(a, b, c, d, k[0]);
    block[1] = LAST(b, c, d, a, k[1]);
    block[2] = LAST(c, d, a, b, k[2]);
    block[3] = LAST(d, a, b, c, k[3]);
}

int main(int argc, char **argv)
{
    long mib = argc > 1 ? atol(argv[1]) : 100;
    uint32_t block[4] = { 0x00112233, 0x44556677, 0x8899aabb, 0xccddeeff };
    uint8_t key[16];

    for (int i = 0; i < 16; i++)
        key[i] = i;
    make_sbox();
    make_tables();
    expand_key(key);
    for (long i = 0; i < mib * 65536; i++)
        encrypt(block);
    printf("%08x%08x%08x%08x\n", block[0], block[1], block[2], block[3]);
    return 0;
}

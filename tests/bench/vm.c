/* vm.c - a bytecode interpreter around one switch, which runs three small programs:
 * Collatz lengths, a bubble sort and greatest common divisors.  Argument: rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum op {
    HALT,
    PUSH,
    GET,
    SET,
    ADD,
    SUB,
    MUL,
    DIV,
    MOD,
    LESS,
    EQUAL,
    JUMP,
    IF_NOT,
    LOAD,
    STORE
};

struct insn {
    uint8_t op;
    int32_t arg;
};

static int64_t memory[256];

static int64_t run(const struct insn *code, int64_t *var)
{
    int64_t stack[32], *top = stack;

    for (const struct insn *pc = code;;) {
        struct insn insn = *pc++;

        switch (insn.op) {
        case HALT: return var[0];
        case PUSH: *top++ = insn.arg; break;
        case GET: *top++ = var[insn.arg]; break;
        case SET: var[insn.arg] = *--top; break;
        case ADD: top--, top[-1] += top[0]; break;
        case SUB: top--, top[-1] -= top[0]; break;
        case MUL: top--, top[-1] *= top[0]; break;
        case DIV: top--, top[-1] /= top[0]; break;
        case MOD: top--, top[-1] %= top[0]; break;
        case LESS: top--, top[-1] = top[-1] < top[0]; break;
        case EQUAL: top--, top[-1] = top[-1] == top[0]; break;
        case JUMP: pc = code + insn.arg; break;
        case IF_NOT:
            if (!*--top)
                pc = code + insn.arg;
            break;
        case LOAD: top[-1] = memory[top[-1] & 255]; break;
        case STORE: top -= 2, memory[top[0] & 255] = top[1]; break;
        default: abort();
        }
    }
}

/* clang-format off */

/* v0 = steps from v1 to 1: halve what is even, else 3 n + 1 */
static const struct insn collatz[] = {
    /*  0 */ { PUSH, 0 }, { SET, 0 },
    /*  2 */ { GET, 1 }, { PUSH, 1 }, { EQUAL, 0 }, { IF_NOT, 7 }, { HALT, 0 },
    /*  7 */ { GET, 0 }, { PUSH, 1 }, { ADD, 0 }, { SET, 0 },
    /* 11 */ { GET, 1 }, { PUSH, 2 }, { MOD, 0 }, { IF_NOT, 22 },
    /* 15 */ { GET, 1 }, { PUSH, 3 }, { MUL, 0 }, { PUSH, 1 }, { ADD, 0 }, { SET, 1 }, { JUMP, 2 },
    /* 22 */ { GET, 1 }, { PUSH, 2 }, { DIV, 0 }, { SET, 1 }, { JUMP, 2 },
};

/* sorts memory[0..v1-1]: v2 outer, v3 inner, v0 = swaps */
static const struct insn bubble[] = {
    /*  0 */ { PUSH, 0 }, { SET, 0 }, { GET, 1 }, { SET, 2 },
    /*  4 */ { PUSH, 1 }, { GET, 2 }, { LESS, 0 }, { IF_NOT, 49 }, { PUSH, 0 }, { SET, 3 },
    /* 10 */ { GET, 3 }, { PUSH, 1 }, { ADD, 0 }, { GET, 2 }, { LESS, 0 }, { IF_NOT, 44 },
    /* 16 */ { GET, 3 }, { PUSH, 1 }, { ADD, 0 }, { LOAD, 0 }, { GET, 3 }, { LOAD, 0 }, { LESS, 0 }, { IF_NOT, 39 },
    /* 24 */ { GET, 3 }, { LOAD, 0 }, { SET, 4 },
    /* 27 */ { GET, 3 }, { GET, 3 }, { PUSH, 1 }, { ADD, 0 }, { LOAD, 0 }, { STORE, 0 },
    /* 33 */ { GET, 3 }, { PUSH, 1 }, { ADD, 0 }, { GET, 4 }, { STORE, 0 }, { JUMP, 50 },
    /* 39 */ { GET, 3 }, { PUSH, 1 }, { ADD, 0 }, { SET, 3 }, { JUMP, 10 },
    /* 44 */ { GET, 2 }, { PUSH, 1 }, { SUB, 0 }, { SET, 2 }, { JUMP, 4 },
    /* 49 */ { HALT, 0 },
    /* 50 */ { GET, 0 }, { PUSH, 1 }, { ADD, 0 }, { SET, 0 }, { JUMP, 39 },
};

/* v0 = the greatest common divisor of v1 and v2 */
static const struct insn gcd[] = {
    /*  0 */ { GET, 2 }, { IF_NOT, 9 },
    /*  2 */ { GET, 1 }, { GET, 2 }, { MOD, 0 }, { GET, 2 }, { SET, 1 }, { SET, 2 }, { JUMP, 0 },
    /*  9 */ { GET, 1 }, { SET, 0 }, { HALT, 0 },
};
/* clang-format on */

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 100;
    uint64_t sum = 0;

    for (int k = 0; k < rounds; k++) {
        for (int n = 1; n < 1000; n++)
            sum += run(collatz, (int64_t[5]){ 0, n + k });
        for (int i = 0; i < 256; i++)
            memory[i] = (i * 167 + k * 31) & 1023;
        sum += run(bubble, (int64_t[5]){ 0, 100 });
        for (int n = 1; n < 2000; n++)
            sum += run(gcd, (int64_t[5]){ 0, n * 6, 5040 + k });
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}

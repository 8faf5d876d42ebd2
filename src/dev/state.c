/* state.c - the saved state of a device, by its field table.
 *
 * A device's bytes are its state_version, the size of the rest (both 32 bits), then the
 * fields in the table's order; all numbers are little-endian.  A timer is a byte, whether
 * it is armed, and its deadline in 64 bits. */
#include <stdio.h>
#include <stdlib.h>

#include "base/report.h"
#include "dev/dev.h"

enum { HEADER = 8, TIMER_BYTES = 9 };

static void put(struct dev_state *state, uint64_t value, unsigned size)
{
    if (state->capacity - state->size < size) {
        state->capacity = state->capacity ? 2 * state->capacity : 256;
        state->bytes = realloc(state->bytes, state->capacity);
        if (!state->bytes)
            die("out of memory");
    }
    for (unsigned i = 0; i < size; i++)
        state->bytes[state->size++] = value >> 8 * i;
}

static uint64_t get(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static uint64_t load_number(const void *at, unsigned size)
{
    switch (size) {
    case 1: return *(const uint8_t *)at;
    case 2: return *(const uint16_t *)at;
    case 4: return *(const uint32_t *)at;
    case 8: return *(const uint64_t *)at;
    default: bug("a field of %u bytes", size);
    }
}

static void store_number(void *at, unsigned size, uint64_t value)
{
    switch (size) {
    case 1: *(uint8_t *)at = value; break;
    case 2: *(uint16_t *)at = value; break;
    case 4: *(uint32_t *)at = value; break;
    case 8: *(uint64_t *)at = value; break;
    default: bug("a field of %u bytes", size);
    }
}

static void save_fields(struct dev_state *state, const struct field *field,
                        const char *from)
{
    for (; field && field->name; field++) {
        for (uint32_t i = 0; i < field->count; i++) {
            const char *at = from + field->offset + (size_t)i * field->size;
            const struct timer *timer = (const struct timer *)(const void *)at;

            switch (field->kind) {
            case FIELD_IS_STRUCT: save_fields(state, field->fields, at); break;
            case FIELD_IS_BOOL: put(state, *(const bool *)at, 1); break;
            case FIELD_IS_TIMER:
                put(state, timer->is_armed, 1);
                put(state, timer->is_armed ? timer->deadline_ns : 0, 8);
                break;
            default: put(state, load_number(at, field->size), field->size); break;
            }
        }
    }
}

void dev_settle(struct dev *dev)
{
    if (dev->class->settle)
        dev->class->settle(dev);
}

void dev_save(struct dev *dev, struct dev_state *state)
{
    size_t start = state->size, size;

    dev_settle(dev);
    put(state, dev->class->state_version, 4);
    put(state, 0, 4);
    save_fields(state, dev->class->fields, (const char *)dev);
    size = state->size - start - HEADER;
    for (unsigned i = 0; i < 4; i++)
        state->bytes[start + 4 + i] = size >> 8 * i;
}

static uint64_t fields_size(const struct field *field)
{
    uint64_t total = 0;

    for (; field && field->name; field++) {
        uint64_t each = field->size;

        if (field->kind == FIELD_IS_STRUCT)
            each = fields_size(field->fields);
        else if (field->kind == FIELD_IS_BOOL)
            each = 1;
        else if (field->kind == FIELD_IS_TIMER)
            each = TIMER_BYTES;
        total += each * field->count;
    }
    return total;
}

static const uint8_t *load_fields(const struct field *field, char *to,
                                  const uint8_t *bytes)
{
    for (; field && field->name; field++) {
        for (uint32_t i = 0; i < field->count; i++) {
            char *at = to + field->offset + (size_t)i * field->size;
            struct timer *timer = (struct timer *)(void *)at;

            switch (field->kind) {
            case FIELD_IS_STRUCT: bytes = load_fields(field->fields, at, bytes); break;
            case FIELD_IS_BOOL: *(bool *)at = *bytes++ != 0; break;
            case FIELD_IS_TIMER:
                timer_cancel(timer);
                if (bytes[0])
                    timer_arm(timer, get(bytes + 1, 8));
                bytes += TIMER_BYTES;
                break;
            default:
                store_number(at, field->size, get(bytes, field->size));
                bytes += field->size;
                break;
            }
        }
    }
    return bytes;
}

int64_t dev_load(struct dev *dev, const uint8_t *bytes, size_t size)
{
    uint64_t length = fields_size(dev->class->fields);

    if (size < HEADER || get(bytes, 4) != dev->class->state_version ||
        get(bytes + 4, 4) != length || size - HEADER < length)
        return -1;
    load_fields(dev->class->fields, (char *)dev, bytes + HEADER);
    if (dev->class->loaded && dev->class->loaded(dev) < 0)
        return -1;
    return HEADER + (int64_t)length;
}

/* ---------------------------------------------------------------------------- showing */

/* A name with those of the structs around it, and numbers: context[1].enable[0]. */
static void each_field(const struct field *field, const char *from, const char *prefix,
                       void (*each)(void *context, const char *name, uint64_t value),
                       void *context)
{
    char name[160];

    for (; field && field->name; field++) {
        for (uint32_t i = 0; i < field->count; i++) {
            const char *at = from + field->offset + (size_t)i * field->size;
            const struct timer *timer = (const struct timer *)(const void *)at;

            snprintf(name, sizeof(name), field->count > 1 ? "%s%s%s[%u]" : "%s%s%s",
                     prefix, *prefix ? "." : "", field->name, i);
            switch (field->kind) {
            case FIELD_IS_STRUCT:
                each_field(field->fields, at, name, each, context);
                break;
            case FIELD_IS_BOOL: each(context, name, *(const bool *)at); break;
            case FIELD_IS_TIMER:
                each(context, name, timer->is_armed ? timer->deadline_ns : 0);
                break;
            default: each(context, name, load_number(at, field->size)); break;
            }
        }
    }
}

void dev_each_field(const struct dev *dev,
                    void (*each)(void *context, const char *name, uint64_t value),
                    void *context)
{
    each_field(dev->class->fields, (const char *)dev, "", each, context);
}

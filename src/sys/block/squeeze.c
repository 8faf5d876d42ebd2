/* squeeze.c - compressed clusters: deflate without a header (zlib), and zstd.
 *
 * The Makefile says which of them there are (HAS_z, HAS_zstd); what is not says so. */
#include "sys/block/format.h"

#include <errno.h>
#include <limits.h>

#ifndef HAS_z
#define HAS_z 0
#endif
#ifndef HAS_zstd
#define HAS_zstd 0
#endif

bool squeeze_has(bool zstd)
{
    return zstd ? HAS_zstd : HAS_z;
}

#if HAS_z
#include <zlib.h>

static int zlib_expand(const void *from, size_t from_size, void *to, size_t size)
{
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)from,
                        .avail_in = (uInt)from_size,
                        .next_out = to,
                        .avail_out = (uInt)size };
    int result;

    if (inflateInit2(&stream, -12) != Z_OK)
        return -ENOMEM;
    result = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    /* The last bytes of the input need not have been looked at. */
    return (result == Z_STREAM_END || result == Z_BUF_ERROR) && !stream.avail_out ? 0
                                                                                  : -EIO;
}

static int64_t zlib_pack(const void *from, size_t size, void *to, size_t room)
{
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)from,
                        .avail_in = (uInt)size,
                        .next_out = to,
                        .avail_out = (uInt)room };
    int result;

    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -12, 9,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    result = deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    return result == Z_STREAM_END ? (int64_t)(room - stream.avail_out) : -E2BIG;
}
#else
static int zlib_expand(const void *from, size_t from_size, void *to, size_t size)
{
    (void)from, (void)from_size, (void)to, (void)size;
    return -ENOTSUP;
}

static int64_t zlib_pack(const void *from, size_t size, void *to, size_t room)
{
    return zlib_expand(from, size, to, room);
}
#endif

#if HAS_zstd
#include <zstd.h>

static int zstd_expand(const void *from, size_t from_size, void *to, size_t size)
{
    ZSTD_inBuffer in = { from, from_size, 0 };
    ZSTD_outBuffer out = { to, size, 0 };
    ZSTD_DStream *stream = ZSTD_createDStream();
    size_t result = 1, before = 1;

    if (!stream)
        return -ENOMEM;
    /* What is behind the frame is no frame. */
    while (out.pos < out.size && result && !ZSTD_isError(result) &&
           before != in.pos + out.pos) {
        before = in.pos + out.pos;
        result = ZSTD_decompressStream(stream, &out, &in);
        if (!result && out.pos < out.size && in.pos < in.size)
            result = 1; /* several frames are allowed */
    }
    ZSTD_freeDStream(stream);
    return out.pos == out.size && !ZSTD_isError(result) ? 0 : -EIO;
}

static int64_t zstd_pack(const void *from, size_t size, void *to, size_t room)
{
    size_t result = ZSTD_compress(to, room, from, size, 3);

    return ZSTD_isError(result) ? -E2BIG : (int64_t)result;
}
#else
static int zstd_expand(const void *from, size_t from_size, void *to, size_t size)
{
    (void)from, (void)from_size, (void)to, (void)size;
    return -ENOTSUP;
}

static int64_t zstd_pack(const void *from, size_t size, void *to, size_t room)
{
    return zstd_expand(from, size, to, room);
}
#endif

int squeeze_expand(bool zstd, const void *from, size_t from_size, void *to, size_t size)
{
    return zstd ? zstd_expand(from, from_size, to, size)
                : zlib_expand(from, from_size, to, size);
}

int64_t squeeze_pack(bool zstd, const void *from, size_t size, void *to, size_t room)
{
    return zstd ? zstd_pack(from, size, to, room) : zlib_pack(from, size, to, room);
}

/* Headers on their way to HDF5. HDF5 1.10 takes what many of them say without a look at where they end, and a file made
 * with care crashes it: a checksum says that a header is what was written, not that it makes sense. So those that have
 * a signature are looked through when they are read: sizes must fit what they are sizes of. That is not all that can be
 * wrong with a file, and not meant to be: what is refused here is what HDF5 was seen to crash on. Headers of the oldest
 * format have no signature and pass.
 *
 * The layout of them all: "HDF5 File Format Specification Version 3.0", sections III and IV. */
#include <stdlib.h>
#include <string.h>

#include "base/h5_inside.h"

enum {
    DEPTH_MOST = 8,
    RANK_MOST = 32,
    FILTERS_MOST = 32,
    SHARED_BYTES = 10,
    NODE_MOST = 1 << 20,
    NODE_FRAME = 10
};

/* Bytes that are taken from the front; `good` turns false, and stays so, where there are too few. */
typedef struct view {
    const unsigned char *at;
    size_t left;
    bool good;
} view;

static const unsigned char *skip(view *v, size_t count) {
    const unsigned char *at = v->at;
    v->good = v->good && count <= v->left;
    if (!v->good) return NULL;
    v->at += count;
    v->left -= count;
    return at;
}

/* An unsigned number, little-endian; 0 where there is none. */
static uint64_t take(view *v, size_t bytes) {
    const unsigned char *at = skip(v, bytes);
    uint64_t number = 0;
    for (size_t i = bytes; at != NULL && i-- > 0;) number = number << 8 | at[i];
    return number;
}

static void demand(view *v, bool condition) { v->good = v->good && condition; }

/* Of a part with a size of its own. */
static view part(view *v, uint64_t count) {
    view inner = {v->at, count <= SIZE_MAX ? (size_t)count : SIZE_MAX, v->good};
    if (skip(v, inner.left) == NULL) inner = (view){.good = false};
    return inner;
}

static size_t pad(size_t count) { return (count + 7) / 8 * 8; }

/* ----------------------------------------------------------------------------------------- messages */

/* Returns the number of elements, or what is too large for any. */
static uint64_t check_space(view *v) {
    uint64_t version = take(v, 1), rank = take(v, 1), flags = take(v, 1), count = 1;
    bool null = false;
    demand(v, (version == 1 || version == 2) && rank <= RANK_MOST);
    if (version == 1) skip(v, 5);
    if (version == 2) null = take(v, 1) == 2;
    for (uint64_t i = 0; i < rank && v->good; i++) {
        uint64_t size = take(v, 8);
        count =
            size != 0 && count > UINT32_MAX * (uint64_t)UINT32_MAX / size ? UINT64_MAX / 65536 : count * size;
    }
    if (flags & 1) skip(v, 8 * (size_t)rank);
    return null ? 0 : count;
}

/* A name that ends in a 0 byte; of `padded` types the 0 bytes fill 8. */
static void skip_name(view *v, bool padded) {
    const unsigned char *end = v->good && v->left > 0 ? memchr(v->at, 0, v->left) : NULL;
    demand(v, end != NULL);
    if (v->good) skip(v, padded ? pad((size_t)(end - v->at) + 1) : (size_t)(end - v->at) + 1);
}

static uint64_t check_type(view *v, int depth);

static void check_members(view *v, uint64_t version, uint64_t count, uint64_t size, int depth) {
    size_t offset_bytes = version < 3 ? 4 : size < 1 << 8 ? 1 : size < 1 << 16 ? 2 : size < 1 << 24 ? 3 : 4;
    demand(v, count > 0 && size > 0);
    for (uint64_t i = 0; i < count && v->good; i++) {
        skip_name(v, version < 3);
        uint64_t offset = take(v, offset_bytes);
        if (version == 1) {
            demand(v, v->left > 0 && v->at[0] == 0); /* an array within, of the oldest kind */
            skip(v, 28);
        }
        uint64_t member = check_type(v, depth + 1);
        demand(v, offset < size && member <= size - offset);
    }
}

static void check_float(view *v, uint64_t bits, uint64_t size) {
    uint64_t first = take(v, 2), precision = take(v, 2), exponent = take(v, 1), exponent_size = take(v, 1),
             mantissa = take(v, 1), mantissa_size = take(v, 1);
    skip(v, 4);
    demand(v, size <= 16 && precision > 0 && first + precision <= 8 * size && (bits >> 8 & 255) < 8 * size);
    demand(v, exponent_size > 0 && exponent_size <= 32 && exponent + exponent_size <= 8 * size &&
                  mantissa_size > 0 && mantissa + mantissa_size <= 8 * size);
}

static void check_integer(view *v, uint64_t size) {
    uint64_t first = take(v, 2), precision = take(v, 2);
    demand(v, precision > 0 && first + precision <= 8 * size);
}

static void check_array(view *v, uint64_t version, uint64_t size, int depth) {
    uint64_t rank = take(v, 1), count = 1;
    if (version < 3) skip(v, 3);
    demand(v, rank > 0 && rank <= RANK_MOST);
    for (uint64_t i = 0; i < rank && v->good; i++) {
        uint64_t one = take(v, 4);
        demand(v, one > 0 && count <= UINT32_MAX / one);
        count *= one;
    }
    if (version < 3) skip(v, 4 * (size_t)rank);
    uint64_t element = check_type(v, depth + 1);
    demand(v, count * element == size);
}

/* Returns the size of an element. */
static uint64_t check_type(view *v, int depth) {
    enum { INTEGER, FLOAT, TIME, STRING, BITS, OPAQUE, COMPOUND, REFERENCE, ENUMERATION, VARIABLE, ARRAY };
    uint64_t head = take(v, 4), size = take(v, 4), version = head >> 4 & 15, bits = head >> 8, base;
    demand(v, depth < DEPTH_MOST && size > 0 && version >= 1 && version <= 4);
    if (!v->good) return 0;
    switch (head & 15) {
    case INTEGER:
    case BITS:
        check_integer(v, size);
        break;
    case FLOAT:
        check_float(v, bits, size);
        break;
    case TIME:
        skip(v, 2);
        break;
    case OPAQUE:
        skip(v, bits & 255);
        break;
    case COMPOUND:
        check_members(v, version, bits & 65535, size, depth);
        break;
    case ENUMERATION:
        base = check_type(v, depth + 1);
        demand(v, base == size);
        for (uint64_t i = 0; i < (bits & 65535) && v->good; i++) skip_name(v, version < 3);
        skip(v, (size_t)((bits & 65535) * size));
        break;
    case VARIABLE:
        check_type(v, depth + 1);
        break;
    case ARRAY:
        check_array(v, version, size, depth);
        break;
    default: /* texts and references say no more */
        demand(v, (head & 15) <= ARRAY);
    }
    return size;
}

static void check_fill(view *v) {
    uint64_t version = take(v, 1), defined;
    demand(v, version >= 1 && version <= 3);
    if (version < 3) {
        skip(v, 2);
        defined = take(v, 1) != 0 || version == 1;
    } else {
        defined = take(v, 1) & 0x20;
    }
    uint64_t size = defined ? take(v, 4) : 0;
    if (size <= INT32_MAX) skip(v, (size_t)size); /* else: undefined */
}

static void check_link(view *v) {
    uint64_t version = take(v, 1), flags = take(v, 1), kind = 0;
    demand(v, version == 1);
    if (flags & 8) kind = take(v, 1);
    if (flags & 4) skip(v, 8);
    if (flags & 16) skip(v, 1);
    uint64_t length = take(v, (size_t)1 << (flags & 3));
    demand(v, length > 0 && length <= v->left);
    skip(v, (size_t)length);
    skip(v, kind == 0 ? 8 : (size_t)take(v, 2));
}

static void check_layout(view *v) {
    uint64_t version = take(v, 1), rank, kind;
    if (version == 4) return; /* of HDF5 1.10's own formats */
    demand(v, version >= 1 && version <= 3);
    if (version < 3) {
        rank = take(v, 1);
        kind = take(v, 1);
        skip(v, 5);
        if (kind != 0) skip(v, 8);
        demand(v, rank >= 1 && rank <= RANK_MOST + 1 && kind <= 2);
        skip(v, 4 * (size_t)rank);
        if (kind == 0) skip(v, (size_t)take(v, 4));
        return;
    }
    kind = take(v, 1);
    demand(v, kind <= 2);
    if (kind == 0) skip(v, (size_t)take(v, 2));
    if (kind == 1) skip(v, 16);
    if (kind == 2) {
        rank = take(v, 1);
        demand(v, rank >= 2 && rank <= RANK_MOST + 1);
        skip(v, 8);
        for (uint64_t i = 0; i < rank && v->good; i++) demand(v, take(v, 4) > 0);
    }
}

static void check_filters(view *v) {
    uint64_t version = take(v, 1), count = take(v, 1);
    demand(v, (version == 1 || version == 2) && count <= FILTERS_MOST);
    if (version == 1) skip(v, 6);
    for (uint64_t i = 0; i < count && v->good; i++) {
        uint64_t id = take(v, 2), name = version == 1 || id >= 256 ? take(v, 2) : 0;
        skip(v, 2);
        uint64_t values = take(v, 2);
        skip(v, version == 1 ? pad((size_t)name) : (size_t)name);
        skip(v, 4 * (size_t)(values + (version == 1 && values % 2 == 1)));
    }
}

static void check_attribute(view *v) {
    uint64_t version = take(v, 1), flags = take(v, 1), name = take(v, 2), type = take(v, 2),
             space = take(v, 2);
    demand(v, version >= 1 && version <= 3 && name > 0);
    if (version == 3) skip(v, 1);
    bool padded = version == 1;
    const unsigned char *text = skip(v, padded ? pad((size_t)name) : (size_t)name);
    demand(v, text != NULL && memchr(text, 0, (size_t)name) != NULL);
    view inner_type = part(v, padded ? pad((size_t)type) : type),
         inner_space = part(v, padded ? pad((size_t)space) : space);
    if (version > 1 && (flags & 3) != 0) { /* types or spaces kept elsewhere */
        demand(v, type >= SHARED_BYTES || !(flags & 1));
        return;
    }
    uint64_t size = check_type(&inner_type, 0), count = check_space(&inner_space);
    demand(v, inner_type.good && inner_space.good);
    demand(v, count == 0 || (count <= v->left && size <= v->left / count));
}

static void check_continuation(view *v, const elbow_h5_medium *medium) {
    uint64_t at = take(v, 8), count = take(v, 8);
    demand(v, count >= 8 && count <= medium->size && at <= medium->size - count);
}

static void check_index_info(view *v, size_t first, size_t second) {
    take(v, 1);
    uint64_t flags = take(v, 1);
    if (flags & 1) skip(v, first);
    skip(v, 16);
    if (flags & 2) skip(v, second);
}

static bool check_message(uint64_t kind, uint64_t flags, view v, const elbow_h5_medium *medium) {
    if (flags & 2) { /* kept elsewhere */
        demand(&v, v.left >= SHARED_BYTES || kind == 0);
        return v.good;
    }
    switch (kind) {
    case 0x01:
        check_space(&v);
        break;
    case 0x02:
        check_index_info(&v, 8, 8);
        break;
    case 0x03:
        check_type(&v, 0);
        break;
    case 0x04:
        skip(&v, (size_t)take(&v, 4));
        break;
    case 0x05:
        check_fill(&v);
        break;
    case 0x06:
        check_link(&v);
        break;
    case 0x08:
        check_layout(&v);
        break;
    case 0x0B:
        check_filters(&v);
        break;
    case 0x0C:
        check_attribute(&v);
        break;
    case 0x10:
        check_continuation(&v, medium);
        break;
    case 0x11:
        skip(&v, 16);
        break;
    case 0x15:
        check_index_info(&v, 2, 8);
        break;
    default:
        break;
    }
    return v.good;
}

static bool check_messages(view v, const elbow_h5_medium *medium) {
    size_t head = medium->ordered_messages ? 6 : 4;
    while (v.good && v.left >= head) {
        uint64_t kind = take(&v, 1), size = take(&v, 2), flags = take(&v, 1);
        if (medium->ordered_messages) skip(&v, 2);
        view body = part(&v, size);
        demand(&v, check_message(kind, flags, body, medium));
    }
    return v.good;
}

/* ------------------------------------------------------------------------------------------ headers */

/* Bytes of an object's header, checksum and all; 0 where it cannot be. */
static size_t measure_object(view v, size_t *prefix, bool *ordered) {
    size_t before = v.left;
    skip(&v, 4);
    uint64_t version = take(&v, 1), flags = take(&v, 1);
    demand(&v, version == 2);
    *ordered = flags & 4;
    if (flags & 0x20) skip(&v, 16);
    if (flags & 0x10) skip(&v, 4);
    uint64_t size = take(&v, (size_t)1 << (flags & 3));
    *prefix = before - v.left;
    return v.good && size <= INT32_MAX ? *prefix + (size_t)size + 4 : 0;
}

/* HDF5 guesses how long it is, and reads the rest when it knows: here it is read at once. */
static bool check_object(elbow_h5_medium *medium, size_t at, const unsigned char *bytes, size_t count) {
    size_t prefix = 0, whole = measure_object((view){bytes, count, true}, &prefix, &medium->ordered_messages);
    if (whole == 0 || whole > medium->size - at) return false;
    unsigned char *room = whole > count ? malloc(whole) : NULL;
    if (whole > count &&
        (room == NULL || elbow_h5_read_descriptor(medium->descriptor, room, whole, at) != 0)) {
        free(room);
        return false;
    }
    const unsigned char *header = room != NULL ? room : bytes;
    bool good = check_messages((view){header + prefix, whole - prefix - 4, true}, medium);
    free(room);
    return good;
}

/* Of groups and attributes, by name and by order of making: other trees are none of those that elbow reads. */
static bool check_tree(view v) {
    static const unsigned char record_bytes[] = {[5] = 11, [6] = 15, [8] = 17, [9] = 13};
    skip(&v, 5);
    uint64_t kind = take(&v, 1), node = take(&v, 4), record = take(&v, 2), depth = take(&v, 2),
             split = take(&v, 1), merge = take(&v, 1);
    skip(&v, 8);
    uint64_t records = take(&v, 2), pointers = depth > 0 ? records + 1 : 0;
    demand(&v, kind < sizeof record_bytes && record == record_bytes[kind] && record > 0);
    demand(&v, node >= 128 && node <= NODE_MOST && depth <= DEPTH_MOST &&
                   records * record + pointers * 9 + NODE_FRAME <= node);
    demand(&v, split > 0 && split <= 100 && merge > 0 && merge <= split / 2);
    return v.good;
}

static bool is_power(uint64_t number) { return number > 0 && (number & (number - 1)) == 0; }

/* A heap that keeps links or attributes. */
static bool check_heap(view v) {
    skip(&v, 5);
    uint64_t id = take(&v, 2), filters = take(&v, 2);
    skip(&v, 101);
    uint64_t width = take(&v, 2), least = take(&v, 8), most = take(&v, 8), bits = take(&v, 2),
             rows = take(&v, 2);
    skip(&v, 8);
    uint64_t now = take(&v, 2);
    demand(&v, id >= 7 && id <= 64 && filters == 0 && is_power(width) && width <= 64);
    demand(&v,
           is_power(least) && is_power(most) && least <= most && most <= 1 << 24 && bits >= 16 && bits <= 64);
    demand(&v, rows <= bits && now <= bits);
    return v.good;
}

bool elbow_h5_check_header(elbow_h5_medium *medium, size_t at, const void *bytes, size_t count) {
    const view v = {bytes, count, true};
    if (count < 8) return true;
    if (memcmp(bytes, "OHDR", 4) == 0) return check_object(medium, at, bytes, count);
    if (memcmp(bytes, "OCHK", 4) == 0) return check_messages((view){v.at + 4, count - 8, true}, medium);
    if (memcmp(bytes, "BTHD", 4) == 0) return check_tree(v);
    if (memcmp(bytes, "FRHP", 4) == 0) return check_heap(v);
    return true;
}

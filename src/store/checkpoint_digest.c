#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL /* so that the state lies on the stack: a digest cannot fail for want of memory */
#include <xxhash.h>

#include "store/checkpoint_layout.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "digests are defined over little-endian bytes: swap them here before hashing"
#endif

typedef XXH3_state_t hash;

static void add_bytes(hash *h, const void *bytes, size_t count) { XXH3_128bits_update(h, bytes, count); }

static void add_integer(hash *h, int64_t value) { add_bytes(h, &value, sizeof value); }

/* With its length before it, so that no two sequences of texts give the same stream. */
static void add_text(hash *h, const char *text) {
    size_t length = strlen(text);
    add_integer(h, (int64_t)length);
    add_bytes(h, text, length);
}

/* The tensor after `previous` in name order, by scanning: a few hundred names do not need a sorted copy, which
 * would need memory. */
static const elbow_tensor *next_tensor(const elbow_params *layout, const elbow_tensor *previous) {
    const elbow_tensor *next = NULL;
    for (size_t i = 0; i < layout->tensor_count; i++) {
        const elbow_tensor *t = &layout->tensors[i];
        if (previous && strcmp(t->name, previous->name) <= 0) continue;
        if (!next || strcmp(t->name, next->name) < 0) next = t;
    }
    return next;
}

static void add_tensors(hash *h, const elbow_params *layout, const real *values) {
    for (const elbow_tensor *t = NULL; (t = next_tensor(layout, t));) {
        add_text(h, t->name);
        add_integer(h, (int64_t)t->dims);
        for (size_t d = 0; d < t->dims; d++) add_integer(h, (int64_t)t->shape[d]);
        add_bytes(h, values + t->offset, t->count * sizeof *values);
    }
}

/* The slot after `previous` in name order, or `slots`. */
static size_t next_slot(const elbow_checkpoint *c, const char *previous) {
    size_t next = c->slots;
    for (size_t s = 0; s < c->slots; s++) {
        if (previous && strcmp(c->slot_names[s], previous) <= 0) continue;
        if (next == c->slots || strcmp(c->slot_names[s], c->slot_names[next]) < 0) next = s;
    }
    return next;
}

/* step, the lag where there is one, the tensors in name order, the optimizer's name, its slots in name order, each by tensor in name order:
 * counts before lists, lengths before texts, integers in 8 bytes. */
static void add_digest_stream(hash *h, const elbow_checkpoint *c) {
    add_integer(h, c->step);
    if (c->lag != 0) add_integer(h, c->lag); /* the optimizer counts without them */
    add_integer(h, (int64_t)c->layout->tensor_count);
    add_tensors(h, c->layout, c->parameters);
    add_text(h, c->optimizer);
    add_integer(h, (int64_t)c->slots);
    const char *previous = NULL;
    for (size_t s; (s = next_slot(c, previous)) < c->slots; previous = c->slot_names[s]) {
        add_text(h, c->slot_names[s]);
        add_tensors(h, c->layout, c->slot_values[s]);
    }
}

static void add_run(hash *h, const elbow_checkpoint *c, int64_t version) {
    for (size_t i = 0; i < elbow_run_attribute_count; i++) {
        const elbow_run_attribute *a = &elbow_run_attributes[i];
        if (a->since > version) continue;
        const char *member = (const char *)c + a->offset;
        add_text(h, a->name);
        if (a->kind == ELBOW_RUN_TEXT)
            add_text(h, member);
        else
            add_bytes(h, member, 8);
    }
}

static void finish(hash *h, char text[ELBOW_HASH_TEXT]) {
    XXH128_hash_t value = XXH3_128bits_digest(h);
    snprintf(text, ELBOW_HASH_TEXT, "%016llx%016llx", (unsigned long long)value.high64,
             (unsigned long long)value.low64);
}

void elbow_checkpoint_digest(const elbow_checkpoint *checkpoint, char digest[33]) {
    hash h;
    XXH3_128bits_reset(&h);
    add_digest_stream(&h, checkpoint);
    finish(&h, digest);
}

void elbow_checkpoint_hash(const elbow_checkpoint *checkpoint, int64_t version, char digest[ELBOW_HASH_TEXT],
                           char seal[ELBOW_HASH_TEXT]) {
    hash h;
    XXH3_128bits_reset(&h);
    add_digest_stream(&h, checkpoint);
    finish(&h, digest);
    add_run(&h, checkpoint, version);
    add_text(&h, checkpoint->config ? checkpoint->config : "");
    add_text(&h, checkpoint->field ? checkpoint->field : "");
    add_integer(&h, checkpoint->context != NULL);
    add_text(&h, checkpoint->context ? checkpoint->context : "");
    add_integer(&h, checkpoint->metrics != NULL);
    finish(&h, seal);
}

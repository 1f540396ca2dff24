#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "elbow/base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, LARGE_PAGE = 1 << 21 };

typedef struct block {
    struct block *next;
    void *memory;
} block;

struct elbow_arena {
    block *blocks;
    size_t bytes;
};

/* A step walks over whole blocks: with pages of 2 MB it misses the translation cache a five-hundredth as often. A wish,
 * not a need; before the first touch. */
static void prefer_large_pages(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
#else
    (void)memory, (void)bytes;
#endif
}

/* Zeroed, aligned, never NULL on success: a count of zero still takes one line of cache. */
static elbow_status take_aligned(size_t count, size_t size, void **out, size_t *bytes) {
    *out = NULL;
    ELBOW_CHECK(size == 0 || count <= (SIZE_MAX - ALIGNMENT) / size, ELBOW_MEMORY,
                "cannot address %zu elements of %zu bytes; make the model or the batch smaller", count, size);
    *bytes = (count * size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    bool large = *bytes >= 2 * (size_t)LARGE_PAGE;
    if (large) *bytes = (*bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    void *memory = aligned_alloc(large ? LARGE_PAGE : ALIGNMENT, *bytes);
    ELBOW_CHECK(memory != NULL, ELBOW_MEMORY,
                "no memory for %.1f MB; make the model or the batch smaller, or use fewer ranks a node",
                (double)*bytes / 1e6);
    if (large) prefer_large_pages(memory, *bytes);
    memset(memory, 0, *bytes);
    *out = memory;
    return ELBOW_OK;
}

elbow_status elbow_arena_create(elbow_arena **arena) {
    *arena = calloc(1, sizeof **arena);
    ELBOW_CHECK(*arena != NULL, ELBOW_MEMORY, "no memory for an arena");
    return ELBOW_OK;
}

void elbow_arena_destroy(elbow_arena **arena) {
    if (*arena == NULL) return;
    for (block *b = (*arena)->blocks, *next; b != NULL; b = next) {
        next = b->next;
        free(b->memory);
        free(b);
    }
    free(*arena);
    *arena = NULL;
}

elbow_status elbow_arena_take(elbow_arena *arena, size_t count, size_t size, void *out) {
    elbow_status status = ELBOW_OK;
    void *memory = NULL;
    size_t bytes = 0;
    block *b = calloc(1, sizeof *b);
    ELBOW_CHECK_OR_DONE(b != NULL, ELBOW_MEMORY, "no memory for an arena block");
    ELBOW_TRY_OR_DONE(take_aligned(count, size, &memory, &bytes));
    *b = (block){.next = arena->blocks, .memory = memory};
    arena->blocks = b;
    arena->bytes += bytes;
    b = NULL;
done:
    free(b);
    memcpy(out, &memory, sizeof memory); /* whatever kind of object pointer it is */
    return status;
}

elbow_status elbow_arena_reals(elbow_arena *arena, size_t count, real **out) {
    return elbow_arena_take(arena, count, sizeof **out, out);
}

size_t elbow_arena_bytes(const elbow_arena *arena) { return arena->bytes; }

elbow_status elbow_aligned_reals(size_t count, real **out) {
    void *memory = NULL;
    size_t bytes = 0;
    elbow_status status = take_aligned(count, sizeof(real), &memory, &bytes);
    *out = memory;
    return status;
}

#include "train/fault.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16 };

typedef enum kind { NONFINITE, VALUE, LOSS, FLIP, HANG, SLOW, KINDS } kind;

typedef struct planned {
    kind kind;
    int64_t step;
    double number;
} planned;

struct elbow_faults {
    planned planned[MOST];
    size_t count;
};

static const char *const kinds[KINDS] = {"nonfinite", "value", "loss", "flip", "hang", "slow"};

static bool find_kind(const char *name, kind *found) {
    for (int k = 0; k < KINDS; k++) {
        if (strcmp(kinds[k], name) != 0) continue;
        *found = (kind)k;
        return true;
    }
    return false;
}

elbow_status elbow_faults_create(elbow_faults **out, int rank) {
    const char *text = getenv("ELBOW_TEST_FAULT");
    *out = NULL;
    if (text == NULL || *text == 0) return ELBOW_OK;
    elbow_faults *f = calloc(1, sizeof *f);
    ELBOW_CHECK(f != NULL, ELBOW_MEMORY, "no memory for a test's faults");
    for (const char *at = text; *at; at += strcspn(at, ","), at += *at == ',') {
        char word[16];
        long long step;
        int whose;
        planned p = {0};
        int read = sscanf(at, "%15[a-z]:%lld:%d:%lf", word, &step, &whose, &p.number);
        if (read < 3 || !find_kind(word, &p.kind) || f->count == MOST) {
            elbow_faults_destroy(&f);
            return elbow_fail(
                ELBOW_USAGE,
                "ELBOW_TEST_FAULT: `%s` is no list of at most %d KIND:STEP:RANK[:NUMBER]; unset it", text,
                (int)MOST);
        }
        p.step = step;
        if (whose == rank) f->planned[f->count++] = p;
    }
    *out = f;
    return ELBOW_OK;
}

void elbow_faults_destroy(elbow_faults **faults) {
    free(*faults);
    *faults = NULL;
}

/* Whether it is to happen in this step; its number. */
static bool due(const elbow_faults *faults, kind wanted, int64_t step, double *number) {
    for (size_t i = 0; faults != NULL && i < faults->count; i++) {
        const planned *p = &faults->planned[i];
        if (p->kind != wanted || (wanted == SLOW ? step < p->step : step != p->step)) continue;
        *number = p->number;
        return true;
    }
    return false;
}

static void wait_for(double seconds) {
    const struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - floor(seconds)))};
    nanosleep(&time, NULL);
}

void elbow_faults_batch(const elbow_faults *faults, int64_t step, elbow_batch *batch) {
    double number;
    if (!due(faults, VALUE, step, &number) || batch->x.reals == NULL || !((size_t)number < batch->rows))
        return;
    batch->x.reals[(size_t)number * batch->x.field->dimensions] = (real)INFINITY;
}

void elbow_faults_gradient(const elbow_faults *faults, int64_t step, real *gradients) {
    double number;
    if (due(faults, SLOW, step, &number)) wait_for(number);
    while (due(faults, HANG, step, &number)) pause();
    if (due(faults, NONFINITE, step, &number)) gradients[(size_t)number] = (real)NAN;
}

void elbow_faults_loss(const elbow_faults *faults, int64_t step, double *loss) {
    double number;
    if (due(faults, LOSS, step, &number)) *loss = NAN;
}

void elbow_faults_parameters(const elbow_faults *faults, int64_t step, real *parameters) {
    double number;
    if (!due(faults, FLIP, step, &number)) return;
    unsigned char *byte = (unsigned char *)&parameters[(size_t)number];
    *byte ^= 1;
}

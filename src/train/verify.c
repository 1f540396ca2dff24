#include "elbow/train/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "elbow/base/number.h"
#include "elbow/data/inspect.h"
#include "elbow/store/kind.h"
#include "train/verify_inside.h"

/* ------------------------------------------------------------------------------------------- saying it */

static void tell(const elbow_verification *v, elbow_verdict verdict, const char *path, const char *text,
                 double seconds) {
    const elbow_verified finding = {.verdict = verdict, .path = path, .text = text, .seconds = seconds};
    v->say(v->context, &finding);
}

/* Messages begin with the file that they are about, and so does the line. */
static const char *without_path(const char *message, const char *path) {
    size_t length = strlen(path);
    bool begins = strncmp(message, path, length) == 0 && message[length] == ':' && message[length + 1] == ' ';
    return begins ? message + length + 2 : message;
}

elbow_status elbow_verify_conclude(const elbow_verification *v, const char *path, double began,
                                   elbow_status status, const char *text) {
    if (status == ELBOW_MEMORY) return status;
    double seconds = elbow_now() - began;
    if (status == ELBOW_OK)
        tell(v, ELBOW_VERDICT_GOOD, path, text, seconds);
    else
        tell(v, ELBOW_VERDICT_BAD, path, without_path(elbow_error_message(), path), seconds);
    return ELBOW_OK;
}

void elbow_verify_note(const elbow_verification *v, const char *path, const char *text) {
    tell(v, ELBOW_VERDICT_NOTE, path, text, 0);
}

const char *elbow_verify_size(char text[32], const char *path) {
    struct stat facts;
    double bytes = stat(path, &facts) == 0 ? (double)facts.st_size : 0;
    return elbow_number_size_text(text, bytes);
}

/* ---------------------------------------------------------------------------------------- single files */

/* "data: 60000 train, 10000 test; image 28x28x1; 54880000 values, 12 of them missing, 55 MB" */
static void describe_data(const elbow_dataset *dataset, const elbow_data_counts *counts,
                          char text[ELBOW_VERIFY_TEXT]) {
    const elbow_field *x = elbow_dataset_field(dataset, ELBOW_X);
    char size[32], missing[64] = "", splits[96] = "";
    size_t at = 0;
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        size_t count = elbow_dataset_count(dataset, split);
        if (count == 0) continue;
        at += (size_t)snprintf(splits + at, sizeof splits - at, "%s%zu %s", at > 0 ? ", " : "", count,
                               elbow_split_name(split));
    }
    if (counts->missing > 0) snprintf(missing, sizeof missing, ", %zu of them missing", counts->missing);
    snprintf(text, ELBOW_VERIFY_TEXT, "data: %s; %s of %zu %s; %zu values%s, checksum %s, %s", splits,
             elbow_field_kind_name(x->kind), x->dimensions,
             x->kind == ELBOW_IMAGE   ? "pixels"
             : x->kind == ELBOW_TABLE ? "columns"
                                      : "tokens at the most",
             counts->values, missing, elbow_dataset_checksum(dataset),
             elbow_verify_size(size, elbow_dataset_path(dataset)));
}

static elbow_status check_data(const char *path, char text[ELBOW_VERIFY_TEXT]) {
    elbow_dataset *dataset = NULL;
    elbow_data_counts counts;
    ELBOW_TRY(elbow_dataset_open(&dataset, path));
    elbow_status status = elbow_dataset_inspect(dataset, &counts);
    if (status == ELBOW_OK) describe_data(dataset, &counts, text);
    elbow_dataset_close(&dataset);
    return status;
}

static elbow_status check_metrics(const char *path, char text[ELBOW_VERIFY_TEXT]) {
    elbow_metrics metrics;
    char size[32];
    ELBOW_TRY(elbow_metrics_read(&metrics, path));
    elbow_status status = elbow_verify_metrics(&metrics, -1, path);
    snprintf(text, ELBOW_VERIFY_TEXT, "metrics: %zu rows of training, %zu of evaluation, %zu events, %s",
             metrics.train.rows, metrics.evaluation.rows, metrics.events.rows, elbow_verify_size(size, path));
    elbow_metrics_destroy(&metrics);
    return status;
}

static elbow_status check_checkpoint(const char *path, char text[ELBOW_VERIFY_TEXT]) {
    elbow_checkpoint *checkpoint = NULL;
    ELBOW_TRY(elbow_verify_checkpoint(&checkpoint, path, text));
    elbow_checkpoint_destroy(&checkpoint);
    return ELBOW_OK;
}

elbow_status elbow_verify(const char *path, elbow_verify_say *say, void *context) {
    const elbow_verification v = {say, context};
    char text[ELBOW_VERIFY_TEXT] = "";
    double began = elbow_now();
    elbow_kind kind;
    elbow_status status = elbow_kind_of(path, &kind);
    if (status == ELBOW_OK) switch (kind) {
        case ELBOW_KIND_RUN:
            return elbow_verify_run(&v, path);
        case ELBOW_KIND_DATA:
            status = check_data(path, text);
            break;
        case ELBOW_KIND_CHECKPOINT:
            status = check_checkpoint(path, text);
            break;
        case ELBOW_KIND_METRICS:
            status = check_metrics(path, text);
            break;
        }
    return elbow_verify_conclude(&v, path, began, status, text);
}

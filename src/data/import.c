#include "elbow/data/import.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/family.h"
#include "base/file.h"
#include "data/halves.h"
#include "data/import_list.h"
#include "elbow/base/number.h"
#include "elbow/base/options.h"

static const elbow_importer *const importers[] = {
    &elbow_import_csv,   &elbow_import_hdf5,   &elbow_import_idx,
    &elbow_import_npy,   &elbow_import_png,    &elbow_import_text,
    &elbow_import_fasta, &elbow_import_smiles, NULL,
};

enum { MEMBERS = sizeof importers / sizeof importers[0] - 1 };

const elbow_importer *const *elbow_importers(void) { return importers; }

elbow_status elbow_importer_find(const char *name, const elbow_importer **importer) {
    size_t i = 0;
    *importer = NULL;
    ELBOW_TRY(elbow_family_find(importers, MEMBERS, "importer", name, &i));
    *importer = importers[i];
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------- common flags */

static elbow_status set_fractions(elbow_import_request *request, const char *text) {
    char part[ELBOW_SPLITS][32];
    double sum = 0;
    int end = 0;
    request->cuts = true;
    bool three =
        sscanf(text, "%31[^,],%31[^,],%31[^,]%n", part[0], part[1], part[2], &end) == 3 && text[end] == '\0';
    for (elbow_split split = 0; split < ELBOW_SPLITS && three; split++) {
        three = elbow_number_real(part[split], 0, 1, &request->fractions[split]) == ELBOW_OK;
        sum += request->fractions[split];
    }
    ELBOW_CHECK(
        three && fabs(sum - 1) < 1e-6 && request->fractions[ELBOW_TRAIN] > 0 &&
            request->fractions[ELBOW_TEST] > 0,
        ELBOW_USAGE,
        "--split: `%.60s` is not three fractions of train, valid and test that add up to 1 (valid may "
        "be 0); give 0.8,0.1,0.1",
        text);
    return ELBOW_OK;
}

static elbow_status set_seed(elbow_import_request *request, const char *text) {
    int64_t seed = 0;
    request->cuts = true;
    if (elbow_number_integer(text, 0, INT64_MAX, &seed) != ELBOW_OK)
        return elbow_fail_prefix(ELBOW_USAGE, "--seed");
    request->seed = (uint64_t)seed;
    return ELBOW_OK;
}

static elbow_status set_train(elbow_import_request *request, const char *text) {
    request->inputs[ELBOW_TRAIN] = text;
    return ELBOW_OK;
}

static elbow_status set_valid(elbow_import_request *request, const char *text) {
    request->inputs[ELBOW_VALID] = text;
    return ELBOW_OK;
}

static elbow_status set_test(elbow_import_request *request, const char *text) {
    request->inputs[ELBOW_TEST] = text;
    return ELBOW_OK;
}

static elbow_status set_input(elbow_import_request *request, const char *text) {
    request->input = text;
    return ELBOW_OK;
}

static elbow_status set_output(elbow_import_request *request, const char *text) {
    request->output = text;
    return ELBOW_OK;
}

static elbow_status set_skip_bad(elbow_import_request *request, const char *text) {
    (void)text;
    request->skip_bad = true;
    return ELBOW_OK;
}

static elbow_status set_context(elbow_import_request *request, const char *text) {
    return elbow_half_find(text, &request->context);
}

static elbow_status set_force(elbow_import_request *request, const char *text) {
    (void)text;
    request->overwrite = true;
    return ELBOW_OK;
}

/* A value "" stands for what the importer calls its inputs. */
static const struct {
    elbow_import_flag flag;
    unsigned takes; /* by which importers; 0: all */
    elbow_status (*set)(elbow_import_request *request, const char *text);
} common[ELBOW_IMPORT_COMMON] = {
    {{"--train", "", NULL, "examples to train on"}, ELBOW_IMPORT_SPLITS, set_train},
    {{"--test", "", NULL, "examples to test on"}, ELBOW_IMPORT_SPLITS, set_test},
    {{"--valid", "", NULL, "examples to choose the best checkpoint by; optional"},
     ELBOW_IMPORT_SPLITS,
     set_valid},
    {{"--input", "", NULL, "examples to be cut into splits, instead of --train and --test"},
     ELBOW_IMPORT_CUT,
     set_input},
    {{"--split", "FRACTIONS", "0.8,0.1,0.1", "of --input: train, valid, test"},
     ELBOW_IMPORT_CUT,
     set_fractions},
    {{"--seed", "NUMBER", "1", "of the cut: the same number, the same splits"}, ELBOW_IMPORT_CUT, set_seed},
    {{"--skip-bad", NULL, NULL, "leave bad rows out; they are refused otherwise"},
     ELBOW_IMPORT_BAD_ROWS,
     set_skip_bad},
    {{"--context", "HALF", NULL,
      "of images: upper, lower, left or right becomes what a model is given,\nthe rest is x"},
     ELBOW_IMPORT_HALVES,
     set_context},
    {{"--output", "DATA.h5", NULL, "the file to make; it is whole or not there"}, 0, set_output},
    {{"--force", NULL, NULL, "replace DATA.h5 where it exists"}, 0, set_force},
};

static bool takes(const elbow_importer *importer, size_t flag) {
    return common[flag].takes == 0 || (importer->takes & common[flag].takes) != 0;
}

size_t elbow_import_common(const elbow_importer *importer, elbow_import_flag flags[ELBOW_IMPORT_COMMON]) {
    size_t count = 0;
    for (size_t i = 0; i < ELBOW_IMPORT_COMMON; i++) {
        if (!takes(importer, i)) continue;
        flags[count] = common[i].flag;
        if (flags[count].value != NULL && flags[count].value[0] == '\0') flags[count].value = importer->input;
        count++;
    }
    return count;
}

/* ---------------------------------------------------------------------------------------- requests */

static size_t count_flags(const elbow_importer *importer) {
    size_t count = 0;
    while (importer->flags != NULL && importer->flags[count].name != NULL) count++;
    assert(count <= ELBOW_IMPORT_FLAGS);
    return count;
}

elbow_status elbow_import_begin(elbow_import_request *request, const char *importer) {
    *request = (elbow_import_request){.fractions = {0.8, 0.1, 0.1}, .seed = 1};
    return elbow_importer_find(importer, &request->importer);
}

elbow_status elbow_import_set(elbow_import_request *request, const char *flag, const char *value) {
    const elbow_importer *importer = request->importer;
    const char *names[ELBOW_IMPORT_COMMON + ELBOW_IMPORT_FLAGS];
    size_t count = 0, own = count_flags(importer);
    for (size_t i = 0; i < ELBOW_IMPORT_COMMON; i++) {
        if (!takes(importer, i)) continue;
        if (strcmp(flag, common[i].flag.name) == 0) return common[i].set(request, value);
        names[count++] = common[i].flag.name;
    }
    for (size_t i = 0; i < own; i++) {
        names[count++] = importer->flags[i].name;
        if (strcmp(flag, importer->flags[i].name) != 0) continue;
        request->values[i] = importer->flags[i].value == NULL ? "" : value;
        return ELBOW_OK;
    }
    const char *nearest = elbow_nearest_name(flag, names, count);
    return elbow_fail(ELBOW_USAGE, "import %s has no flag `%.60s`%s%s", importer->name, flag,
                      nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "");
}

static size_t find_flag(const elbow_import_request *request, const char *flag) {
    size_t i = 0, count = count_flags(request->importer);
    while (i < count && strcmp(request->importer->flags[i].name, flag) != 0) i++;
    assert(i < count); /* an importer asks for its own flags */
    return i;
}

bool elbow_import_given(const elbow_import_request *request, const char *flag) {
    return request->values[find_flag(request, flag)] != NULL;
}

const char *elbow_import_value(const elbow_import_request *request, const char *flag) {
    size_t i = find_flag(request, flag);
    return request->values[i] != NULL ? request->values[i] : request->importer->flags[i].fallback;
}

elbow_status elbow_import_integer(const elbow_import_request *request, const char *flag, int64_t least,
                                  int64_t most, int64_t *value) {
    const char *text = elbow_import_value(request, flag);
    if (text == NULL || elbow_number_integer(text, least, most, value) == ELBOW_OK) return ELBOW_OK;
    return elbow_fail_prefix(ELBOW_USAGE, "%s", flag);
}

elbow_status elbow_import_real(const elbow_import_request *request, const char *flag, double least,
                               double most, double *value) {
    const char *text = elbow_import_value(request, flag);
    if (text == NULL || elbow_number_real(text, least, most, value) == ELBOW_OK) return ELBOW_OK;
    return elbow_fail_prefix(ELBOW_USAGE, "%s", flag);
}

/* --------------------------------------------------------------------------------------------- run */

static elbow_status check_inputs(const elbow_import_request *request) {
    const elbow_importer *importer = request->importer;
    const char *const *inputs = request->inputs, *what = importer->input;
    bool splits = inputs[ELBOW_TRAIN] != NULL || inputs[ELBOW_VALID] != NULL || inputs[ELBOW_TEST] != NULL;
    ELBOW_CHECK(request->input == NULL || !splits, ELBOW_USAGE,
                "--input is cut into splits, and splits are given too; give --input, or --train and --test");
    ELBOW_CHECK(request->input != NULL || !request->cuts, ELBOW_USAGE,
                "--split and --seed are of --input, which is missing; give --input %s", what);
    if (request->input != NULL) return ELBOW_OK;
    ELBOW_CHECK(splits || (importer->takes & ELBOW_IMPORT_CUT) == 0, ELBOW_USAGE, "--input %s is missing%s",
                what, importer->takes & ELBOW_IMPORT_SPLITS ? "; give it, or --train and --test" : "");
    ELBOW_CHECK(inputs[ELBOW_TRAIN] != NULL, ELBOW_USAGE, "--train %s is missing", what);
    ELBOW_CHECK(inputs[ELBOW_TEST] != NULL, ELBOW_USAGE, "--test %s is missing", what);
    return ELBOW_OK;
}

static elbow_status check_output(const elbow_import_request *request) {
    const char *inputs[] = {request->inputs[ELBOW_TRAIN], request->inputs[ELBOW_VALID],
                            request->inputs[ELBOW_TEST], request->input};
    ELBOW_CHECK(request->output != NULL, ELBOW_USAGE, "-o DATA.h5 is missing: the file to make");
    ELBOW_CHECK(!elbow_file_is_directory(request->output), ELBOW_IO, "%s: is a directory; name a file in it",
                request->output);
    ELBOW_CHECK(request->overwrite || !elbow_file_exists(request->output), ELBOW_IO,
                "%s: exists already; choose another name, or add --force to replace it", request->output);
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        ELBOW_CHECK(inputs[i] == NULL || !elbow_file_same(inputs[i], request->output), ELBOW_USAGE,
                    "%s: is an input too, and would be replaced; choose another name", request->output);
    return ELBOW_OK;
}

elbow_status elbow_import_run(const elbow_import_request *request) {
    ELBOW_TRY(check_inputs(request));
    ELBOW_TRY(check_output(request));
    return request->importer->import(request);
}

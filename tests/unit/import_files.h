/* What tests of importers of sequences share: requests in one line, and examples read back as text. */
#ifndef ELBOW_TESTS_UNIT_IMPORT_FILES_H
#define ELBOW_TESTS_UNIT_IMPORT_FILES_H

#include "data_files.h"

#include <zlib.h>

#include "data/tokenizer.h"

/* Flags and values in pairs, a switch with "", after the importer's name. The output is data.h5, replaced. */
static inline elbow_status import_list(const char *const *words) {
    elbow_import_request request;
    OK(elbow_import_begin(&request, words[0]));
    for (const char *const *word = words + 1; *word != NULL; word += 2) {
        elbow_status status = elbow_import_set(&request, word[0], word[1]);
        if (status != ELBOW_OK) return status;
    }
    request.output = in_folder("data.h5");
    request.overwrite = true;
    return elbow_import_run(&request);
}
#define IMPORT(...) import_list((const char *const[]){__VA_ARGS__, NULL})

static inline elbow_dataset *open_data(void) {
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, in_folder("data.h5")));
    OK(elbow_dataset_verify(data));
    return data;
}

/* A file of these bytes in the folder; its path, which stays for a while. */
static inline const char *file_of(const char *name, const void *bytes, size_t count) {
    static char paths[64][512];
    static unsigned turn;
    char *path = paths[turn++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    put_file(path, bytes, count);
    return path;
}
#define TEXT_FILE(name, text) file_of((name), (text), sizeof(text) - 1)

/* All examples of a split as text, each followed by `after`; malloc'd. Counts their tokens, too. */
static inline char *read_texts(elbow_dataset *data, elbow_split split, const char *after, size_t *tokens) {
    elbow_arena *arena = NULL;
    elbow_slice *slice = NULL;
    elbow_batch batch;
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    size_t count = elbow_dataset_count(data, split), used = 0, room = 1;
    unsigned *row = malloc(field->dimensions * sizeof *row);
    char *all = calloc(1, room);
    *tokens = 0;
    OK(elbow_arena_create(&arena));
    OK(elbow_slice_read(&slice, data, split, ELBOW_X, 0, count, arena));
    OK(elbow_batch_reserve(&batch, field, NULL, 1, arena));
    for (size_t i = 0; i < count; i++) {
        char *text = NULL;
        elbow_slice_gather(&batch.x, slice, NULL, i, 1, NULL);
        size_t length = batch.x.example_length[0];
        for (size_t t = 0; t < length; t++) row[t] = batch.x.tokens[t];
        assert_true(!field->terminated || row[length - 1] == 0);
        OK(elbow_field_write_tokens(field, row, length, &text));
        size_t bytes = strlen(text), more = used + bytes + strlen(after) + 1;
        if (more > room) all = realloc(all, room = 2 * more);
        memcpy(all + used, text, bytes);
        memcpy(all + used + bytes, after, strlen(after) + 1);
        used += bytes + strlen(after);
        *tokens += length;
        free(text);
    }
    elbow_arena_destroy(&arena);
    free(row);
    return all;
}

static inline void expect_texts_at(elbow_split split, const char *after, const char *expected, int line) {
    size_t tokens = 0;
    elbow_dataset *data = open_data();
    char *found = read_texts(data, split, after, &tokens);
    if (strcmp(found, expected) != 0) fail_msg("line %d: \"%s\", not \"%s\"", line, found, expected);
    free(found);
    elbow_dataset_close(&data);
}
#define EXPECT_TEXTS(split, after, expected) expect_texts_at((split), (after), (expected), __LINE__)

/* The symbols, each followed by a blank. */
static inline void expect_symbols_at(const char *expected, int line) {
    char found[4096] = "";
    elbow_dataset *data = open_data();
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    for (size_t v = 0; v < field->vocabulary; v++) {
        assert_true(strlen(found) + strlen(field->symbols[v]) + 2 < sizeof found);
        strcat(strcat(found, field->symbols[v]), " ");
    }
    if (strcmp(found, expected) != 0) fail_msg("line %d: \"%s\", not \"%s\"", line, found, expected);
    elbow_dataset_close(&data);
}
#define EXPECT_SYMBOLS(expected) expect_symbols_at((expected), __LINE__)

/* What a tokenizer makes of a text: its symbols with bars between, and `!` and what is wrong at its end. */
static inline void expect_tokens_at(const elbow_tokenizer *tokenizer, const char *text, const char *expected,
                                    int line) {
    char found[1024] = "";
    size_t length = strlen(text), used = 0;
    for (size_t at = 0;;) {
        elbow_token token = tokenizer->next(text, length, at);
        if (token.length == 0) break;
        assert_true(token.begin >= at && token.begin + token.length <= length);
        const char *bar = used > 0 ? "|" : "";
        if (token.wrong != NULL) {
            snprintf(found + used, sizeof found - used, "%s! %s", bar, token.wrong);
            break;
        }
        used += (size_t)snprintf(found + used, sizeof found - used, "%s%.*s", bar, (int)token.length,
                                 text + token.begin);
        at = token.begin + token.length;
    }
    if (strcmp(found, expected) != 0) fail_msg("line %d: \"%s\", not \"%s\"", line, found, expected);
}
#define EXPECT_TOKENS(tokenizer, text, expected) expect_tokens_at(&(tokenizer), (text), (expected), __LINE__)

/* The data's checksum: all that the file says, in 16 digits. */
static inline void copy_checksum(char checksum[17]) {
    elbow_dataset *data = open_data();
    snprintf(checksum, 17, "%s", elbow_dataset_checksum(data));
    elbow_dataset_close(&data);
}

static inline const char *real_data(const char *name) {
    static char path[1024];
    const char *folder = getenv("ELBOW_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "", name);
    if (folder != NULL && access(path, R_OK) == 0) return path;
    print_message("no %s in ELBOW_TEST_DATA\n", name);
    skip();
    return NULL;
}

static inline void write_gzip(const char *path, const char *text) {
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
}

static inline char *read_gzip(const char *path, size_t most) {
    char *text = malloc(most + 1);
    gzFile file = gzopen(path, "rb");
    assert_true(text != NULL && file != NULL);
    int got = gzread(file, text, (unsigned)most);
    assert_true(got > 0 && gzeof(file));
    text[got] = '\0';
    gzclose(file);
    return text;
}

/* Files that no importer takes: each must be refused, by name, and leave nothing behind. */
static inline void expect_nonsense_refused(const char *importer, const char *good) {
    static const char zeros[] = "abc\0def\n\0\n",
                      binary[] = "\xFF\xD8\xFF\xE0\x10JFIF\x9c\x80\xfe\n\xc3\x28\n";
    char *bytes = NULL;
    const char *test = file_of("good", good, strlen(good)), *cut = TEXT_FILE("cut.gz", "");
    FAILS(IMPORT(importer, "--train", test_folder, "--test", test), ELBOW_IO, "is a directory");
    FAILS(IMPORT(importer, "--train", in_folder("none"), "--test", test), ELBOW_IO, "none: no such file");
    FAILS(IMPORT(importer, "--train", TEXT_FILE("empty", ""), "--test", test), ELBOW_FORMAT, "no example");
    FAILS(IMPORT(importer, "--train", TEXT_FILE("blank", "\n\r\n\n"), "--test", test), ELBOW_FORMAT,
          "no example");
    FAILS(IMPORT(importer, "--train", TEXT_FILE("zeros", zeros), "--test", test), ELBOW_FORMAT, "zeros:1");
    FAILS(IMPORT(importer, "--train", test, "--test", TEXT_FILE("bytes", binary)), ELBOW_FORMAT, "bytes:1:");
    FAILS(IMPORT(importer, "--input", TEXT_FILE("bytes", binary)), ELBOW_FORMAT, "bytes:1:");
    write_gzip(cut, good);
    FILE *file = fopen(cut, "rb");
    assert_non_null(file);
    bytes = malloc(4096);
    size_t count = fread(bytes, 1, 4096, file);
    fclose(file);
    FAILS(IMPORT(importer, "--train", file_of("cut.gz", bytes, count - 3), "--test", test), ELBOW_FORMAT,
          "cut short");
    free(bytes);
    assert_int_equal(count_files(test_folder), 6);
}

#endif

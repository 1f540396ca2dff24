/* Text: bytes, characters or words; a line or a window is an example. */
#include <string.h>

#include "data/field.h"
#include "data/import_list.h"
#include "data/sequences.h"

/* Flags that say nothing here are refused, not ignored. */
static elbow_status check_flags(const elbow_import_request *request, const elbow_sequences_how *how) {
    static const char *const of_words[] = {"--vocabulary", "--cutoff"};
    for (size_t i = 0; i < sizeof of_words / sizeof *of_words; i++)
        ELBOW_CHECK(how->tokenizer->open || !elbow_import_given(request, of_words[i]), ELBOW_USAGE,
                    "%s is for words, and --tokens is %s; leave it out, or give --tokens words", of_words[i],
                    how->tokenizer->name);
    ELBOW_CHECK(how->window == 0 || !elbow_import_given(request, "--longest"), ELBOW_USAGE,
                "--longest is for lines, and windows have one length; leave it out");
    ELBOW_CHECK(how->window == 0 || request->seed == 1, ELBOW_USAGE,
                "--seed is for lines: windows are cut in order, the first for train; leave it out");
    return ELBOW_OK;
}

static elbow_status read_example(const elbow_import_request *request, int64_t *window) {
    const char *example = elbow_import_value(request, "--example");
    bool windows = strcmp(example, "window") == 0, given = elbow_import_given(request, "--window");
    ELBOW_CHECK(windows || strcmp(example, "line") == 0, ELBOW_USAGE,
                "--example: `%.40s` is not known; known: line, window", example);
    ELBOW_CHECK(windows || !given, ELBOW_USAGE, "--window is the length of windows; add --example window");
    ELBOW_CHECK(!windows || given, ELBOW_USAGE,
                "--example window: how many symbols is a window? give --window 64");
    return elbow_import_integer(request, "--window", 2, ELBOW_DIMENSIONS_MOST, window);
}

static elbow_status import_text(const elbow_import_request *request) {
    elbow_sequences_how how = {.lower = elbow_import_given(request, "--lower")};
    int64_t window = 0, longest = 0, cutoff = 0, vocabulary = 0;
    if (elbow_tokenizer_find(elbow_import_value(request, "--tokens"), &how.tokenizer) != ELBOW_OK)
        return elbow_fail_prefix(ELBOW_USAGE, "--tokens");
    ELBOW_TRY(read_example(request, &window));
    ELBOW_TRY(elbow_import_integer(request, "--longest", 1, ELBOW_DIMENSIONS_MOST - 1, &longest));
    ELBOW_TRY(elbow_import_integer(request, "--cutoff", 1, INT32_MAX, &cutoff));
    ELBOW_TRY(elbow_import_integer(request, "--vocabulary", 1, ELBOW_VOCABULARY_MOST - 2, &vocabulary));
    how.window = (size_t)window;
    how.longest = (size_t)longest;
    how.cutoff = (uint64_t)cutoff;
    how.vocabulary = (size_t)vocabulary;
    ELBOW_TRY(check_flags(request, &how));
    return elbow_sequences_import(request, &how);
}

static const elbow_import_flag flags[] = {
    {"--tokens", "KIND", "characters",
     "what a symbol is: bytes, characters (of UTF-8), words (at white\n"
     "space, punctuation apart), smiles (see elbow import smiles)"},
    {"--example", "KIND", "line",
     "what an example is: a line, which is ended by a symbol of its own,\n"
     "or a window of the text, line ends included, which is not"},
    {"--window", "N", NULL, "symbols of a window; the last one of a file may have fewer"},
    {"--longest", "N", NULL, "symbols of a line; longer ones are bad rows"},
    {"--lower", NULL, NULL, "make A to Z small letters"},
    {"--cutoff", "N", "2",
     "of words: those seen less often in the training split are <unk>,\n"
     "so that a model learns what to make of words it does not know"},
    {"--vocabulary", "N", NULL, "of words: only the N most frequent; the others are <unk>"},
    {NULL, NULL, NULL, NULL},
};

const elbow_importer elbow_import_text = {
    .name = "text",
    .summary = "text, plain or gzip: bytes, characters or words, by lines or windows",
    .input = "FILE",
    .about =
        "Makes sequences of text, plain or gzip.\n"
        "The vocabulary is that of the training split: <end> (of lines), <unk> (of words), then bytes and\n"
        "characters by their codes, words by how often they occur. Lines of other splits with a byte or\n"
        "character that it lacks are bad rows, as are lines that are not UTF-8. Empty lines are left out.\n"
        "One FILE is cut at random where lines are examples; windows, which are like their neighbours, in\n"
        "order: the first for train, the next for valid, the last for test. Of words, windows know no line "
        "ends.\n",
    .examples = "  elbow import text tinyshakespeare.txt.gz --example window --window 64 -o shakespeare.h5\n"
                "  elbow import text --train train.txt --valid valid.txt --test test.txt --tokens words \\\n"
                "                    --vocabulary 10000 --longest 80 -o sentences.h5\n",
    .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_CUT | ELBOW_IMPORT_BAD_ROWS,
    .flags = flags,
    .import = import_text,
};

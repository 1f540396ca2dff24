/* Molecules in, sequences of atoms out. */
#include "import_files.h"

static void test_tokens(void **state) {
    (void)state;
    const elbow_tokenizer smiles = elbow_tokenizer_smiles;
    EXPECT_TOKENS(smiles, "", "");
    EXPECT_TOKENS(smiles, "CC(=O)c1ccc(Cl)cc1Br", "C|C|(|=|O|)|c|1|c|c|c|(|Cl|)|c|c|1|Br");
    EXPECT_TOKENS(smiles, "C%12C%12C%1234", "C|%12|C|%12|C|%12|3|4");
    EXPECT_TOKENS(smiles, "[nH+][13CH3:7]C[C@@H](N)[O-].[Na+]",
                  "[nH+]|[13CH3:7]|C|[C@@H]|(|N|)|[O-]|.|[Na+]");
    EXPECT_TOKENS(smiles, "F/C=C\\I*B#P:s$S-p", "F|/|C|=|C|\\|I|*|B|#|P|:|s|$|S|-|p");
    EXPECT_TOKENS(smiles, "[*:1][se][Cu++]b", "[*:1]|[se]|[Cu++]|b");
    EXPECT_TOKENS(smiles, "CBrC", "C|Br|C");
    EXPECT_TOKENS(smiles, "BC", "B|C");
    static const struct {
        const char *text, *tokens;
    } wrong[] = {
        {"C%1", "C|! is not SMILES"},   {"C%", "C|! is not SMILES"},        {"CX", "C|! is not SMILES"},
        {"Cr", "C|! is not SMILES"},    {"CC>O", "C|C|! is not SMILES"},    {"C]", "C|! is not SMILES"},
        {"C[", "C|! begins no atom"},   {"C[]", "C|! begins no atom"},      {"[+]", "! begins no atom"},
        {"[13]", "! begins no atom"},   {"C[NH", "C|! is not closed"},      {"[N[O]]", "! is not closed"},
        {"[N H]", "! is not closed"},   {"C\xC3\xA9", "C|! is not SMILES"}, {"C\x01", "C|! is not SMILES"},
        {"[N\xC3]", "! is not closed"}, {"l", "! is not SMILES"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        EXPECT_TOKENS(smiles, wrong[i].text, wrong[i].tokens);
}

static void test_file(void **state) {
    (void)state;
    const char *train = TEXT_FILE("train", "CCl\tchloride of methyl\n\n  C[nH+]1 x\r\nBrC%10\n"),
               *test = TEXT_FILE("test", "ClBr 7\n");
    OK(IMPORT("smiles", "--train", train, "--test", test));
    EXPECT_SYMBOLS("<end> %10 1 Br C Cl [nH+] ");
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "CCl|C[nH+]1|BrC%10|");
    EXPECT_TEXTS(ELBOW_TEST, "|", "ClBr|");
    elbow_dataset *data = open_data();
    assert_true(elbow_dataset_field(data, ELBOW_X)->terminated);
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->dimensions, 4);
    elbow_dataset_close(&data);
    FAILS(IMPORT("smiles", "--train", train, "--test", test, "--longest", "2"), ELBOW_FORMAT,
          "train:3: 3 symbols");
}

static void test_bad_rows(void **state) {
    (void)state;
    const char *train = TEXT_FILE("train", "SMILES name\nCCO\nCC?\nC[NH\nC\xFF\nCO\n"),
               *test = TEXT_FILE("test", "CO\nCN\nC[O-]\n");
    FAILS(IMPORT("smiles", "--train", train, "--test", test), ELBOW_FORMAT,
          "train:1: `M` at its byte 2 is not SMILES (4 bad rows in all)");
    FAILS(IMPORT("smiles", "--train", test, "--test", train), ELBOW_FORMAT, "train:1:");
    OK(IMPORT("smiles", "--train", train, "--test", test, "--skip-bad", ""));
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "CCO|CO|");
    EXPECT_TEXTS(ELBOW_TEST, "|", "CO|");
    FAILS(IMPORT("smiles", "--train", TEXT_FILE("train", "CO\n"), "--test", test), ELBOW_FORMAT,
          "test:2: `N` in test does not occur in the training split (2 bad rows in all)");
    FAILS(IMPORT("smiles", "--train", TEXT_FILE("train", "CN\n"), "--test", TEXT_FILE("test", "C[O-]\n")),
          ELBOW_FORMAT, "test:1: `[O-]`");
    FAILS(IMPORT("smiles", "--train", train, "--test", test, "--tokens", "bytes"), ELBOW_USAGE, "--tokens");
}

static void test_nonsense(void **state) {
    (void)state;
    expect_nonsense_refused("smiles", "CO\nCC\n");
}

/* Every molecule comes back, in its split and in order. */
static void test_qm9(void **state) {
    (void)state;
    const char *path = real_data("smiles/qm9.smi.gz");
    char *text = read_gzip(path, 1 << 23);
    OK(IMPORT("smiles", "--input", path, "--split", "0.9,0.05,0.05"));
    EXPECT_SYMBOLS("<end> # ( ) 1 2 3 4 5 = C F N O ");
    elbow_dataset *data = open_data();
    char *splits[ELBOW_SPLITS], *at[ELBOW_SPLITS];
    size_t tokens = 0, count = 0, lines = 0;
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        splits[split] = at[split] = read_texts(data, split, "\n", &tokens);
        count += elbow_dataset_count(data, split);
    }
    assert_int_equal(count, 132040);
    /* A merge: the next line of the file is the next of one split. Ties of equal molecules are rare and harmless here:
     * they are all different. */
    for (const char *line = text; *line != '\0'; lines++) {
        size_t length = strcspn(line, "\n") + 1, split = 0;
        while (split < ELBOW_SPLITS && strncmp(at[split], line, length) != 0) split++;
        assert_in_range(split, 0, ELBOW_SPLITS - 1);
        at[split] += length;
        line += length;
    }
    assert_int_equal(lines, count);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) free(splits[split]);
    elbow_dataset_close(&data);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test_teardown(test_file, empty_test_folder),
        cmocka_unit_test_teardown(test_bad_rows, empty_test_folder),
        cmocka_unit_test_teardown(test_nonsense, empty_test_folder),
        cmocka_unit_test_teardown(test_qm9, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}

/* Molecules and texts that are none, each for its own reason; every line of a real set of molecules is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/smiles_check.h"

static const char *const good[] = {
    "C",
    "[H][H]",
    "*",
    "CC(C)(C)C",
    "C1CC1",
    "C12C3C4C1C5C2C3C45",
    "C%10CC%10",
    "C1CC1C1CC1", /* a number is free again once its ring is closed */
    "C=1CCCC=1",
    "C=1CCCC1",
    "ClCBr",
    "CCl",
    "C#N",
    "N#N",
    "CN(=O)=O",
    "CN=N#N",
    "CS(=O)(=O)C",
    "FS(F)(F)(F)(F)F",
    "OP(O)(O)=O",
    "[NH4+].[Cl-]",
    "[Na+].[OH-]",
    "[13CH4]",
    "[C-]#[O+]",
    "C[N+](C)(C)C",
    "C[C@@H](N)C(=O)O",
    "F/C=C\\F",
    "[Fe++]",
    "[CH3:1]C",
    "c1ccccc1",
    "c1ccccc1c1ccccc1",
    "c1ccc(-c2ccccc2)cc1",
    "c1ccc2ccccc2c1",
    "c1cc[nH]c1",
    "Cn1cccc1",
    "c1ccncc1",
    "c1ccoc1",
    "c1ccsc1",
    "[se]1cccc1",
    "[O-][n+]1ccccc1",
    "O=n1ccccc1",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "c1ccc2c(c1)oc1ccccc12",
    "C1=CC=CC=C1",
    "c1cc[cH-]c1",
    "Sc1ccccc1", /* sulfur, not scandium */
};

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "no atom"},
    {"C(", "not closed"},
    {"C(C", "not closed"},
    {"C)", "not opened"},
    {"C()C", "empty branch"},
    {"C((C))C", "branch with no atom"},
    {"(C)C", "branch with no atom"},
    {"C1CC", "ring that is not closed"},
    {"1CC1", "ring with no atom"},
    {"C(1CC1)", "ring with no atom"},
    {"C11", "where it opened"},
    {"C1C1", "bound twice"},
    {"C12CC12", "bound twice"},
    {"C=1CC#1", "another bond"},
    {"C%1C%1", "two digits"},
    {"=C", "bond with no atom before"},
    {"C=", "bond with no atom after"},
    {"C(=)C", "bond with no atom after"},
    {"C==C", "two bonds"},
    {"C=(C)C", "bond before a branch"},
    {".C", "parts nothing"},
    {"C.", "parts nothing"},
    {"C..C", "parts nothing"},
    {"C:C", "aromatic bond"},
    {"X", "no atom without"},
    {"Na", "no atom without"},
    {"C C", "no atom without"},
    {"C\n", "no atom without"},
    {"[C", "not closed"},
    {"C]", "no atom without"},
    {"[]", "without an element"},
    {"[Xx]", "without an element"},
    {"[CH4", "not closed"},
    {"[C:]", "class"},
    {"CC(C)(C)(C)C", "more bonds"},
    {"C=C=C=O=C", "more bonds"},
    {"C#C#C", "more bonds"},
    {"FCF=C", "more bonds"},
    {"C1CC1(C)(C)C", "more bonds"},
    {"COC(O)(C)=O", "more bonds"},
    {"CN(C)(C)C", "more bonds"},
    {"N#NC", "more bonds"},
    {"[CH5]", "more bonds"},
    {"[NH4]", "more bonds"},
    {"[H]C([H])([H])([H])[H]", "more bonds"},
    {"C[H]C", "more bonds"},
    {"c", "outside of rings"},
    {"cc", "outside of rings"},
    {"cC1CC1", "outside of rings"},
    {"c1cccc1", "cannot be placed"},
    {"c1ccccc1Cc1cccc1", "cannot be placed"},
    {"c1cccn1", "cannot be placed"},
    {"c1ccnc1", "cannot be placed"},
};

static void molecules_are_valid(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const char *why = NULL;
        if (!elbow_smiles_valid(good[i], &why)) fail_msg("%s: %s", good[i], why);
        assert_null(why);
    }
}

static void others_are_not_and_say_why(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *why = NULL;
        if (elbow_smiles_valid(bad[i].text, &why)) fail_msg("`%s` is taken for a molecule", bad[i].text);
        if (strstr(why, bad[i].why) == NULL) fail_msg("`%s`: %s, not %s", bad[i].text, why, bad[i].why);
        assert_false(elbow_smiles_valid(bad[i].text, NULL));
    }
}

/* Long texts end in a reason, not in somebody's memory. */
static void long_texts_are_refused(void **state) {
    (void)state;
    enum { LENGTH = 20000 };
    static const char *const pieces[] = {"C", "C(", "(",        ")",    "C1",        "[",
                                         "%", "=",  "c1ccccc1", "C(C)", "0123456789"};
    char *text = malloc(LENGTH + 1);
    assert_non_null(text);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        size_t piece = strlen(pieces[p]);
        for (size_t i = 0; i < LENGTH; i++) text[i] = pieces[p][i % piece];
        text[LENGTH] = '\0';
        const char *why = NULL;
        assert_false(elbow_smiles_valid(text, &why));
        assert_non_null(why);
    }
    free(text);
}

static void vocabularies_are_told(void **state) {
    (void)state;
    char *molecules[] = {"C", "N", "O", "(", ")", "1", "2", "=", "#", "Cl", "[nH]", "c", "%10"};
    char *nucleotides[] = {"A", "C", "G", "T", "N"};
    char *letters[] = {"C", "O", "(", ")", "1", "=", "a", " "};
    assert_true(elbow_smiles_vocabulary(molecules, 13));
    assert_false(elbow_smiles_vocabulary(nucleotides, 5));
    assert_false(elbow_smiles_vocabulary(letters, 8));
    assert_false(elbow_smiles_vocabulary(molecules, 3)); /* no branch */
    assert_false(elbow_smiles_vocabulary(molecules, 0));
}

static void real_molecules_are_valid(void **state) {
    (void)state;
    char path[4096], line[1024];
    const char *data = getenv("ELBOW_TEST_DATA");
    snprintf(path, sizeof path, "%s/smiles/qm9.smi.gz", data ? data : "/nowhere");
    gzFile file = gzopen(path, "r");
    if (file == NULL) {
        print_message("skipped: no smiles/qm9.smi.gz under ELBOW_TEST_DATA\n");
        skip();
    }
    size_t count = 0;
    while (gzgets(file, line, sizeof line) != NULL) {
        const char *why = NULL;
        line[strcspn(line, "\r\n")] = '\0';
        if (!elbow_smiles_valid(line, &why)) fail_msg("line %zu, %s: %s", count + 1, line, why);
        count++;
    }
    gzclose(file);
    assert_int_equal(count, 132040);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(molecules_are_valid),      cmocka_unit_test(others_are_not_and_say_why),
        cmocka_unit_test(long_texts_are_refused),   cmocka_unit_test(vocabularies_are_told),
        cmocka_unit_test(real_molecules_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

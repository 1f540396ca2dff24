#include "data/smiles_check.h"

#include <ctype.h>
#include <string.h>

#include "data/smiles_graph.h"

enum { RINGS = 100, DEPTH = SMILES_ATOMS, UNSAID = -1, NONE = -1 };

typedef struct reader {
    const char *at;
    smiles_graph graph;
    int last;                 /* the atom that the next one is bound to; NONE at the start and after a dot */
    int bond;                 /* said before the next atom or ring; UNSAID */
    bool opened;              /* a branch has just begun: an atom or a bond has to follow */
    int branch[DEPTH], depth; /* atoms to go back to */
    int ring[RINGS], order[RINGS]; /* of open rings: the atom, NONE where there is none, and its bond */
    const char *problem;
} reader;

static bool fail(reader *r, const char *problem) {
    r->problem = problem;
    return false;
}

/* ------------------------------------------------------------------------------------------- graph */

static bool add_bond(reader *r, int a, int b, int order) {
    smiles_graph *graph = &r->graph;
    bool aromatic = graph->atom[a].aromatic && graph->atom[b].aromatic;
    if (a == b) return fail(r, "a ring closes at the atom where it opened");
    for (int i = 0; i < graph->bonds; i++)
        if ((graph->bond[i].a == a && graph->bond[i].b == b) ||
            (graph->bond[i].a == b && graph->bond[i].b == a))
            return fail(r, "two atoms are bound twice");
    if (graph->bonds == SMILES_BONDS) return fail(r, "more bonds than a molecule here may have");
    if (order == UNSAID) order = aromatic ? SMILES_AROMATIC : 1;
    if (order == SMILES_AROMATIC && !aromatic) return fail(r, "an aromatic bond to an atom that is not");
    graph->bond[graph->bonds++] = (smiles_bond){a, b, order};
    return true;
}

static bool add_atom(reader *r, const smiles_atom *atom) {
    if (r->graph.atoms == SMILES_ATOMS) return fail(r, "more atoms than a molecule here may have");
    int index = r->graph.atoms++;
    r->graph.atom[index] = *atom;
    if (r->last != NONE && !add_bond(r, r->last, index, r->bond)) return false;
    r->last = index;
    r->bond = UNSAID;
    r->opened = false;
    return true;
}

/* ------------------------------------------------------------------------------------------- atoms */

static const char elements[] = " H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni "
                               "Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
                               "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho "
                               "Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
                               "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db "
                               "Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts "
                               "Og ";
static const char aromatic_elements[] = " B C N O P S As Se Te ";

static bool is_listed(const char *list, const char *element) {
    char word[5] = " ";
    strcat(strcat(word, element), " ");
    return strstr(list, word) != NULL;
}

/* The longest element that `text` begins with, lower-case ones as aromatic; its length, or 0. */
static size_t read_element(const char *text, smiles_atom *atom) {
    if (text[0] == '*') {
        strcpy(atom->element, "*");
        return 1;
    }
    if (!isalpha((unsigned char)text[0])) return 0;
    atom->aromatic = islower((unsigned char)text[0]) != 0;
    const char *list = atom->aromatic ? aromatic_elements : elements;
    for (size_t length = islower((unsigned char)text[1]) ? 2 : 1; length > 0; length--) {
        atom->element[0] = (char)toupper((unsigned char)text[0]);
        atom->element[1] = (char)(length == 2 ? text[1] : '\0');
        atom->element[2] = '\0';
        if (is_listed(list, atom->element)) return length;
    }
    return 0;
}

/* Digits, at most `most` of them; `otherwise` where there are none. */
static int read_digits(reader *r, int most, int otherwise) {
    int value = 0, count = 0;
    for (; count < most && isdigit((unsigned char)*r->at); count++) value = 10 * value + (*r->at++ - '0');
    return count > 0 ? value : otherwise;
}

/* +, ++, +2, and the same with minus. */
static int read_charge(reader *r) {
    char sign = *r->at;
    if (sign != '+' && sign != '-') return 0;
    int size = 0;
    while (*r->at == sign) r->at++, size++;
    if (size == 1) size = read_digits(r, 2, 1);
    return sign == '+' ? size : -size;
}

/* [isotope element chirality hydrogens charge class] */
static bool read_bracket(reader *r) {
    smiles_atom atom = {.bracket = true};
    r->at++;
    read_digits(r, 3, 0);
    size_t length = read_element(r->at, &atom);
    if (length == 0) return fail(r, "a bracket without an element");
    r->at += length;
    while (*r->at == '@') r->at++;
    if (*r->at == 'H') {
        r->at++;
        atom.hydrogens = read_digits(r, 1, 1);
    }
    atom.charge = read_charge(r);
    if (*r->at == ':') {
        r->at++;
        if (read_digits(r, 9, NONE) == NONE) return fail(r, "a class of an atom without its number");
    }
    if (*r->at++ != ']') return fail(r, "a bracket that is not closed, or holds something else");
    return add_atom(r, &atom);
}

/* B C N O P S F Cl Br I, b c n o p s, and *. */
static size_t read_organic(const char *text, smiles_atom *atom) {
    static const char known[] = " B C N O P S F Cl Br I * ";
    size_t length = read_element(text, atom);
    if (length > 0 && is_listed(known, atom->element) && !(atom->aromatic && length == 2)) return length;
    /* `Sc` is S and an aromatic c here, and `Cn` a C and an n: brackets tell elements of two letters. */
    if (length == 2) {
        atom->element[1] = '\0';
        if (is_listed(known, atom->element)) return 1;
    }
    return 0;
}

static bool read_atom(reader *r) {
    smiles_atom atom = {0};
    size_t length = read_organic(r->at, &atom);
    if (length == 0) return fail(r, "a letter that is no atom without brackets");
    r->at += length;
    return add_atom(r, &atom);
}

/* ------------------------------------------------------------------------- bonds, rings and branches */

static bool read_bond(reader *r, int order) {
    if (r->last == NONE) return fail(r, "a bond with no atom before it");
    if (r->bond != UNSAID) return fail(r, "two bonds in a row");
    r->bond = order;
    r->at++;
    return true;
}

static bool read_ring(reader *r) {
    if (r->last == NONE || r->opened) return fail(r, "a ring with no atom before it");
    int number = 0;
    if (*r->at == '%') {
        if (!isdigit((unsigned char)r->at[1]) || !isdigit((unsigned char)r->at[2]))
            return fail(r, "% without two digits");
        r->at++;
        number = read_digits(r, 2, 0);
    } else {
        number = read_digits(r, 1, 0);
    }
    int order = r->bond;
    r->bond = UNSAID;
    if (r->ring[number] == NONE) {
        r->ring[number] = r->last;
        r->order[number] = order;
        return true;
    }
    int other = r->ring[number], said = r->order[number];
    r->ring[number] = NONE;
    if (order != UNSAID && said != UNSAID && order != said) return fail(r, "a ring closes with another bond");
    return add_bond(r, other, r->last, order != UNSAID ? order : said);
}

static bool read_branch(reader *r) {
    if (r->last == NONE || r->opened) return fail(r, "a branch with no atom before it");
    if (r->bond != UNSAID) return fail(r, "a bond before a branch");
    if (r->depth == DEPTH) return fail(r, "more branches than a molecule here may have");
    r->branch[r->depth++] = r->last;
    r->opened = true;
    r->at++;
    return true;
}

static bool end_branch(reader *r) {
    if (r->depth == 0) return fail(r, "a branch closes that was not opened");
    if (r->bond != UNSAID) return fail(r, "a bond with no atom after it");
    if (r->opened) return fail(r, "an empty branch");
    r->last = r->branch[--r->depth];
    r->at++;
    return true;
}

static bool read_dot(reader *r) {
    if (r->last == NONE || r->opened || r->depth > 0 || r->bond != UNSAID)
        return fail(r, "a dot that parts nothing");
    r->last = NONE;
    r->at++;
    return true;
}

static bool read_token(reader *r) {
    switch (*r->at) {
    case '[':
        return read_bracket(r);
    case '(':
        return read_branch(r);
    case ')':
        return end_branch(r);
    case '.':
        return read_dot(r);
    case '-':
    case '/':
    case '\\':
        return read_bond(r, 1);
    case '=':
        return read_bond(r, 2);
    case '#':
        return read_bond(r, 3);
    case '$':
        return read_bond(r, 4);
    case ':':
        return read_bond(r, SMILES_AROMATIC);
    default:
        return *r->at == '%' || isdigit((unsigned char)*r->at) ? read_ring(r) : read_atom(r);
    }
}

static bool read_end(reader *r) {
    if (r->graph.atoms == 0) return fail(r, "no atom");
    if (r->last == NONE) return fail(r, "a dot that parts nothing");
    if (r->bond != UNSAID) return fail(r, "a bond with no atom after it");
    if (r->depth > 0) return fail(r, "a branch that is not closed");
    for (int i = 0; i < RINGS; i++)
        if (r->ring[i] != NONE) return fail(r, "a ring that is not closed");
    return true;
}

bool elbow_smiles_valid(const char *text, const char **why) {
    reader r;
    r.at = text;
    r.graph.atoms = r.graph.bonds = r.depth = 0;
    r.last = NONE;
    r.bond = UNSAID;
    r.opened = false;
    r.problem = NULL;
    for (int i = 0; i < RINGS; i++) r.ring[i] = NONE;
    while (*r.at != '\0' && read_token(&r)) continue;
    if (r.problem == NULL && read_end(&r)) r.problem = elbow_smiles_judge(&r.graph);
    if (why) *why = r.problem;
    return r.problem == NULL;
}

static bool is_token(const char *symbol) {
    smiles_atom atom = {0};
    size_t length = strlen(symbol);
    if (length > 2 && symbol[0] == '[' && symbol[length - 1] == ']') return true;
    if (symbol[0] == '%')
        return length == 3 && isdigit((unsigned char)symbol[1]) && isdigit((unsigned char)symbol[2]);
    if (length == 1 && strchr("()-=#$:/\\.0123456789", symbol[0]) != NULL) return true;
    return length > 0 && read_organic(symbol, &atom) == length;
}

bool elbow_smiles_vocabulary(char *const *symbols, size_t count) {
    bool carbon = false, branch = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_token(symbols[i])) return false;
        carbon = carbon || strcmp(symbols[i], "C") == 0 || strcmp(symbols[i], "c") == 0;
        branch = branch || strcmp(symbols[i], "(") == 0;
    }
    return carbon && branch;
}

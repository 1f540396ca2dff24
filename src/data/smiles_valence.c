/* Valences, and the double bonds of aromatic rings. */
#include <string.h>

#include "data/smiles_graph.h"

enum { NEIGHBOURS = 8, NONE = -1, DEEPEST = 100000 };

/* Most bonds of neutral atoms; 0 ends a list. Of a charged atom: that of the neutral one with as many electrons, so the
 * elements stand in the order of their groups. */
static const struct {
    const char *element;
    int most[4];
} valences[] = {
    {"B", {3}},  {"C", {4}},  {"N", {3}},     {"O", {2}},        {"F", {1}},       {"", {0}},
    {"Al", {3}}, {"Si", {4}}, {"P", {3, 5}},  {"S", {2, 4, 6}},  {"Cl", {1}},      {"", {0}},
    {"Ga", {3}}, {"Ge", {4}}, {"As", {3, 5}}, {"Se", {2, 4, 6}}, {"Br", {1}},      {"", {0}},
    {"In", {3}}, {"Sn", {4}}, {"Sb", {3, 5}}, {"Te", {2, 4, 6}}, {"I", {1, 3, 5}}, {"", {0}},
};
enum { VALENCES = sizeof valences / sizeof valences[0], PERIOD = 6 };

static const int *allowed(const smiles_atom *atom) {
    static const int hydrogen[4] = {1};
    if (strcmp(atom->element, "H") == 0) return hydrogen;
    for (int i = 0; i < VALENCES; i++) {
        if (strcmp(valences[i].element, atom->element) != 0) continue;
        int electrons = i % PERIOD - atom->charge; /* within its period */
        if (electrons < 0 || electrons >= PERIOD) return NULL;
        return valences[i - i % PERIOD + electrons].most;
    }
    return NULL; /* metals and `*`: nothing is known */
}

/* The least allowed valence that is `bonds` or more; NONE where there is none. */
static int valence_for(const int *most, int bonds) {
    for (int i = 0; i < 4 && most[i] > 0; i++)
        if (most[i] >= bonds) return most[i];
    return bonds == 0 ? 0 : NONE;
}

/* A graph with what has to be known of each atom and bond. */
typedef struct study {
    const smiles_graph *graph;
    int degree[SMILES_ATOMS], bond[SMILES_ATOMS][NEIGHBOURS]; /* the bonds of each atom */
    int sum[SMILES_ATOMS];    /* of their orders, aromatic ones 1, and hydrogens */
    bool cycle[SMILES_BONDS]; /* bonds that lie in a ring */
    bool wants[SMILES_ATOMS]; /* a double bond within its ring */
    int steps;
} study;

static int other_end(const smiles_bond *bond, int atom) { return bond->a == atom ? bond->b : bond->a; }

static const char *count_bonds(study *s) {
    const smiles_graph *graph = s->graph;
    for (int i = 0; i < graph->atoms; i++) s->degree[i] = 0, s->sum[i] = graph->atom[i].hydrogens;
    for (int b = 0; b < graph->bonds; b++) {
        const int ends[2] = {graph->bond[b].a, graph->bond[b].b};
        for (int e = 0; e < 2; e++) {
            if (s->degree[ends[e]] == NEIGHBOURS) return "an atom with more than eight neighbours";
            s->bond[ends[e]][s->degree[ends[e]]++] = b;
            s->sum[ends[e]] += graph->bond[b].order == SMILES_AROMATIC ? 1 : graph->bond[b].order;
        }
    }
    return NULL;
}

/* Nitro groups and the like are written N(=O)=O, which stands for charges: with a double bond to an oxygen, or to a
 * nitrogen with a triple one (azides), nitrogen may have five. */
static bool hides_charges(const study *s, int i) {
    const smiles_graph *graph = s->graph;
    const smiles_atom *atom = &graph->atom[i];
    if (strcmp(atom->element, "N") != 0 || atom->charge != 0) return false;
    for (int k = 0; k < s->degree[i]; k++) {
        const smiles_bond *bond = &graph->bond[s->bond[i][k]];
        const smiles_atom *next = &graph->atom[other_end(bond, i)];
        if (bond->order == 2 && strcmp(next->element, "O") == 0 && next->charge == 0) return true;
        if (bond->order == 3 && strcmp(next->element, "N") == 0 && next->charge == 0) return true;
    }
    return false;
}

static const char *check_valences(study *s) {
    for (int i = 0; i < s->graph->atoms; i++) {
        const smiles_atom *atom = &s->graph->atom[i];
        const int *most = allowed(atom);
        s->wants[i] = false;
        if (most == NULL) continue;
        int valence = valence_for(most, s->sum[i]);
        if (valence == NONE && s->sum[i] == 5 - atom->aromatic && hides_charges(s, i)) valence = 5;
        if (valence == NONE) return "an atom with more bonds than its element has";
        s->wants[i] = atom->aromatic && valence > s->sum[i];
    }
    return NULL;
}

/* Tarjan: a bond lies in no ring where nothing below it reaches back above it. The stack holds atoms and the bonds by
 * which they were reached. */
static void find_cycles(study *s) {
    static const int unseen = 0;
    const smiles_graph *graph = s->graph;
    int order[SMILES_ATOMS], low[SMILES_ATOMS], next[SMILES_ATOMS], stack[SMILES_ATOMS], by[SMILES_ATOMS],
        count = 0;
    for (int i = 0; i < graph->atoms; i++) order[i] = unseen, next[i] = 0;
    for (int b = 0; b < graph->bonds; b++) s->cycle[b] = true;
    for (int root = 0; root < graph->atoms; root++) {
        if (order[root] != unseen) continue;
        int depth = 1;
        stack[0] = root, by[0] = NONE;
        order[root] = low[root] = ++count;
        while (depth > 0) {
            int atom = stack[depth - 1], from = by[depth - 1];
            if (next[atom] < s->degree[atom]) {
                int b = s->bond[atom][next[atom]++], to = other_end(&graph->bond[b], atom);
                if (b == from) continue;
                if (order[to] == unseen) {
                    order[to] = low[to] = ++count;
                    stack[depth] = to, by[depth] = b;
                    depth++;
                } else if (order[to] < low[atom]) {
                    low[atom] = order[to];
                }
                continue;
            }
            if (--depth == 0) break;
            int parent = stack[depth - 1];
            if (low[atom] < low[parent]) low[parent] = low[atom];
            if (low[atom] > order[parent]) s->cycle[from] = false;
        }
    }
}

static bool in_ring(const study *s, int atom) {
    for (int k = 0; k < s->degree[atom]; k++)
        if (s->cycle[s->bond[atom][k]]) return true;
    return false;
}

/* An atom that `atom` can share a double bond with, the k-th or a later one; NONE. */
static int partner(const study *s, int atom, int *k) {
    for (; *k < s->degree[atom]; ++*k) {
        int b = s->bond[atom][*k], to = other_end(&s->graph->bond[b], atom);
        if (s->graph->bond[b].order == SMILES_AROMATIC && s->cycle[b] && s->wants[to]) return to;
    }
    return NONE;
}

static int partners(const study *s, int atom) {
    int count = 0;
    for (int k = 0; partner(s, atom, &k) != NONE; k++) count++;
    return count;
}

/* Pairs off all atoms that want a double bond, those with the fewest choices first: rings that can be paired off
 * hardly ever need a step back. */
static bool pair_off(study *s) {
    int chosen = NONE, fewest = NEIGHBOURS + 1;
    for (int i = 0; i < s->graph->atoms; i++) {
        if (!s->wants[i]) continue;
        int count = partners(s, i);
        if (count == 0) return false;
        if (count < fewest) fewest = count, chosen = i;
    }
    if (chosen == NONE) return true;
    if (++s->steps > DEEPEST) return false;
    s->wants[chosen] = false;
    for (int k = 0, to; (to = partner(s, chosen, &k)) != NONE; k++) {
        s->wants[to] = false;
        if (pair_off(s)) return true;
        s->wants[to] = true;
    }
    s->wants[chosen] = true;
    return false;
}

const char *elbow_smiles_judge(smiles_graph *graph) {
    study s;
    s.graph = graph;
    s.steps = 0;
    const char *problem = count_bonds(&s);
    if (problem == NULL) problem = check_valences(&s);
    if (problem != NULL) return problem;
    find_cycles(&s);
    for (int i = 0; i < graph->atoms; i++)
        if (graph->atom[i].aromatic && !in_ring(&s, i)) return "an aromatic atom outside of rings";
    return pair_off(&s) ? NULL : "an aromatic ring whose double bonds cannot be placed";
}

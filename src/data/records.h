/* Biological sequences one after the other: FASTA, or plain tables.
 *
 * FASTA: a line that begins with `>` begins a record, and the lines that follow are its sequence; blanks and empty lines
 * in it mean nothing, nor do lines that begin with `;`.
 *
 * A table has a record a line. Its fields are separated by any run of blanks, tabs, commas and semicolons, and the roles
 * say what they are, in order: `name,x*60,class`
 *
 *     name, skip    no part of the example
 *     x             letters of the sequence, one or many; several x are one sequence
 *     class         its label; at most one field
 *     ROLE*N        N fields of the role
 *
 * Local. */
#ifndef ELBOW_SRC_DATA_RECORDS_H
#define ELBOW_SRC_DATA_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/alphabet.h"
#include "data/import_common.h"

typedef enum elbow_role { ELBOW_ROLE_SKIP, ELBOW_ROLE_X, ELBOW_ROLE_CLASS } elbow_role;

enum { ELBOW_ROLES_MOST = 32 };

typedef struct elbow_roles {
    size_t parts, fields; /* parts of the text; fields that a line is to have; 0: no table */
    elbow_role role[ELBOW_ROLES_MOST];
    size_t times[ELBOW_ROLES_MOST];
    bool labelled; /* there is a class */
} elbow_roles;

/* ELBOW_USAGE says what is wrong with the text. */
elbow_status elbow_roles_parse(elbow_roles *roles, const char *text);

typedef struct elbow_record {
    const char *path;
    size_t line;         /* where it begins */
    const char *letters; /* as the alphabet writes them; not terminated */
    size_t length;       /* ≥ 1 */
    const char *label;   /* NULL: there are none */
    size_t label_length;
} elbow_record;

typedef struct elbow_records_how {
    const elbow_alphabet *alphabet;
    elbow_roles roles; /* fields 0: FASTA */
    bool refuse;       /* ambiguous letters make a record bad */
    size_t longest;    /* longer records are bad */
} elbow_records_how;

/* Gives every good record of a file to `take`; counts the others as bad rows. */
elbow_status elbow_records_read(const elbow_records_how *how, elbow_bad_rows *bad, const char *path,
                                elbow_status (*take)(void *self, const elbow_record *record), void *self);

#endif

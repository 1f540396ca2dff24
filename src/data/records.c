#include "data/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/number.h"

/* ----------------------------------------------------------------------------------------------- roles */

enum { FIELDS_MOST = 1 << 24, PART_BYTES = 64 };

static elbow_status parse_part(elbow_roles *roles, char *part) {
    static const struct {
        const char *name;
        elbow_role role;
    } known[] = {{"name", ELBOW_ROLE_SKIP},
                 {"skip", ELBOW_ROLE_SKIP},
                 {"x", ELBOW_ROLE_X},
                 {"class", ELBOW_ROLE_CLASS}};
    char *star = strchr(part, '*');
    int64_t times = 1;
    size_t i = 0, members = sizeof known / sizeof *known;
    if (star != NULL) {
        *star = '\0';
        if (elbow_number_integer(star + 1, 1, FIELDS_MOST, &times) != ELBOW_OK)
            return elbow_fail_prefix(ELBOW_USAGE, "--table: %s*", part);
    }
    while (i < members && strcmp(part, known[i].name) != 0) i++;
    ELBOW_CHECK(i < members, ELBOW_USAGE,
                "--table: `%s` is no role; known: name, skip, x, class, each with *N for N fields", part);
    bool class = known[i].role == ELBOW_ROLE_CLASS;
    ELBOW_CHECK(!class || (!roles->labelled && times == 1), ELBOW_USAGE,
                "--table: two classes, and a sequence has one; say skip for the others");
    ELBOW_CHECK(roles->parts < ELBOW_ROLES_MOST && (size_t)times <= FIELDS_MOST - roles->fields, ELBOW_USAGE,
                "--table: too many roles; join those that are alike, as x*60");
    roles->labelled = roles->labelled || class;
    roles->role[roles->parts] = known[i].role;
    roles->times[roles->parts++] = (size_t)times;
    roles->fields += (size_t)times;
    return ELBOW_OK;
}

elbow_status elbow_roles_parse(elbow_roles *roles, const char *text) {
    bool letters = false;
    *roles = (elbow_roles){.parts = 0};
    for (const char *at = text;; at++) {
        char part[PART_BYTES];
        size_t length = strcspn(at, ",");
        snprintf(part, sizeof part, "%.*s", (int)(length < PART_BYTES ? length : PART_BYTES), at);
        ELBOW_TRY(parse_part(roles, part));
        at += length;
        if (*at == '\0') break;
    }
    for (size_t i = 0; i < roles->parts; i++) letters = letters || roles->role[i] == ELBOW_ROLE_X;
    ELBOW_CHECK(letters, ELBOW_USAGE, "--table: no field is x, the sequence; say which: name,x,class");
    return ELBOW_OK;
}

/* --------------------------------------------------------------------------------------------- records */

typedef struct reader {
    const elbow_records_how *how;
    elbow_bad_rows *bad;
    elbow_status (*take)(void *self, const elbow_record *record);
    void *self;
    elbow_record record;
    bool within, spoilt; /* a record has begun; it is bad, and was counted */
    char *letters;       /* of the record */
    size_t room;
} reader;

static elbow_status add_letters(reader *r, const char *text, size_t length, size_t line) {
    elbow_record *record = &r->record;
    if (r->spoilt) return ELBOW_OK;
    if (length > r->room - record->length) {
        size_t room = 2 * (record->length + length);
        char *larger = realloc(r->letters, room);
        ELBOW_CHECK(larger != NULL, ELBOW_MEMORY, "%s:%zu: no memory for a sequence of %zu letters",
                    record->path, line, record->length + length);
        r->letters = larger;
        r->room = room;
    }
    for (size_t i = 0; i < length; i++) {
        char letter = elbow_alphabet_letter(r->how->alphabet, text[i]);
        bool readable = text[i] > ' ' && text[i] < 0x7F, refused = false;
        refused = r->how->refuse && elbow_alphabet_is_ambiguous(r->how->alphabet, letter);
        if (letter != '\0' && !refused) {
            r->letters[record->length++] = letter;
            continue;
        }
        r->spoilt = true;
        char shown[16];
        snprintf(shown, sizeof shown, readable ? "`%c`" : "byte 0x%02X", (unsigned char)text[i]);
        if (refused) return elbow_bad_row(r->bad, record->path, line, "%s is ambiguous", shown);
        return elbow_bad_row(r->bad, record->path, line, "%s is no letter of the alphabet %s", shown,
                             r->how->alphabet->name);
    }
    return ELBOW_OK;
}

static elbow_status end_record(reader *r) {
    elbow_record *record = &r->record;
    bool good = r->within && !r->spoilt;
    r->within = r->spoilt = false;
    if (!good) return ELBOW_OK;
    if (record->length == 0)
        return elbow_bad_row(r->bad, record->path, record->line, "a record without a sequence");
    if (record->length > r->how->longest)
        return elbow_bad_row(r->bad, record->path, record->line, "%zu symbols, and %zu are the most",
                             record->length, r->how->longest);
    record->letters = r->letters;
    return r->take(r->self, record);
}

static elbow_status begin_record(reader *r, size_t line) {
    ELBOW_TRY(end_record(r));
    r->within = true;
    r->record = (elbow_record){.path = r->record.path, .line = line};
    return ELBOW_OK;
}

/* Letters of a line between blanks. */
static elbow_status take_fasta(reader *r, const elbow_line *line) {
    if (line->text[0] == '>') return begin_record(r, line->number);
    if (line->text[0] == ';') return ELBOW_OK;
    for (const char *at = line->text + strspn(line->text, " \t\r"); *at != '\0';) {
        size_t length = strcspn(at, " \t\r");
        if (!r->within) {
            ELBOW_TRY(begin_record(r, line->number));
            r->spoilt = true;
            return elbow_bad_row(r->bad, r->record.path, line->number,
                                 "a sequence without a line `>NAME` before it; is this a table? see --table");
        }
        ELBOW_TRY(add_letters(r, at, length, line->number));
        at += length + strspn(at + length, " \t\r");
    }
    return ELBOW_OK;
}

static elbow_status take_row(reader *r, const elbow_line *line) {
    static const char between[] = " \t\r,;";
    const elbow_roles *roles = &r->how->roles;
    size_t fields = 0, part = 0, of_part = 0;
    const char *first = line->text + strspn(line->text, between);
    if (*first == '\0') return ELBOW_OK;
    for (const char *at = first; *at != '\0'; fields++) {
        at += strcspn(at, between);
        at += strspn(at, between);
    }
    if (fields != roles->fields)
        return elbow_bad_row(r->bad, r->record.path, line->number, "%zu fields, and --table says %zu", fields,
                             roles->fields);
    ELBOW_TRY(begin_record(r, line->number));
    for (const char *at = first; *at != '\0';) {
        size_t length = strcspn(at, between);
        if (roles->role[part] == ELBOW_ROLE_X) ELBOW_TRY(add_letters(r, at, length, line->number));
        if (roles->role[part] == ELBOW_ROLE_CLASS) {
            r->record.label = at;
            r->record.label_length = length;
        }
        if (++of_part == roles->times[part]) {
            part++;
            of_part = 0;
        }
        at += length + strspn(at + length, between);
    }
    return end_record(r);
}

elbow_status elbow_records_read(const elbow_records_how *how, elbow_bad_rows *bad, const char *path,
                                elbow_status (*take)(void *self, const elbow_record *record), void *self) {
    elbow_status status = ELBOW_OK;
    reader r = {.how = how, .bad = bad, .take = take, .self = self, .record = {.path = path}};
    elbow_lines *lines = NULL;
    elbow_line line;
    ELBOW_TRY(elbow_lines_open(&lines, path));
    for (;;) {
        ELBOW_TRY_OR_DONE(elbow_lines_next(lines, &line));
        if (line.text == NULL) break;
        ELBOW_TRY_OR_DONE(how->roles.fields > 0 ? take_row(&r, &line) : take_fasta(&r, &line));
    }
    ELBOW_TRY_OR_DONE(end_record(&r));
done:
    elbow_lines_close(&lines);
    free(r.letters);
    return status;
}

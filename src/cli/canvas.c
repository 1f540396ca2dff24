#include "canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BRAILLE = 0x2800,
    BRAILLE_END = 0x2900,
    ELLIPSIS = 0x2026,
    FULL_BLOCK = 0x2588,
    EIGHTHS = 8,
    LINE = 1024
};

elbow_status elbow_canvas_create(elbow_canvas *canvas, int width, int height) {
    size_t count = (size_t)width * (size_t)height;
    *canvas = (elbow_canvas){width, height, calloc(count ? count : 1, sizeof *canvas->cells)};
    ELBOW_CHECK(canvas->cells, ELBOW_MEMORY, "no memory for a screen of %d x %d cells", width, height);
    for (size_t i = 0; i < count; i++) canvas->cells[i].letter = ' ';
    return ELBOW_OK;
}

void elbow_canvas_destroy(elbow_canvas *canvas) {
    free(canvas->cells);
    *canvas = (elbow_canvas){0};
}

static elbow_cell *cell_at(const elbow_canvas *canvas, int x, int y) {
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height) return NULL;
    return &canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)x];
}

void elbow_canvas_letter(elbow_canvas *canvas, int x, int y, elbow_ink ink, uint32_t letter) {
    elbow_cell *cell = cell_at(canvas, x, y);
    if (cell != NULL) *cell = (elbow_cell){letter, ink};
}

/* ------------------------------------------------------------------------------------------- text */

/* The letter at *at, which moves behind it; "?" for what is no UTF-8 or could steer the terminal. */
static uint32_t next_letter(const unsigned char **at) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *from = *at;
    int more = *from < 0x80 ? 0 : *from >= 0xC2 && *from < 0xE0 ? 1 : *from >= 0xE0 && *from < 0xF0 ? 2 : 3;
    *at = from + 1;
    if (more == 0) return *from < 0x20 || *from == 0x7F ? '?' : *from;
    if (*from < 0xC2 || *from > 0xF4) return '?';
    uint32_t letter = *from & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((from[i] & 0xC0) != 0x80) return '?';
        letter = letter << 6 | (from[i] & 0x3Fu);
    }
    *at = from + 1 + more;
    bool steers = letter < 0xA0 || (letter >= 0x200B && letter <= 0x200F) ||
                  (letter >= 0x202A && letter <= 0x202E) || (letter >= 0x2060 && letter <= 0x206F) ||
                  letter == 0xFEFF;
    bool bad = letter < least[more] || (letter >= 0xD800 && letter < 0xE000) || letter > 0x10FFFF;
    return steers || bad ? '?' : letter;
}

/* Cells of a letter, by the ranges of Unicode's East Asian Width that matter: not by wcwidth, which knows what the
 * locale knows. */
static int width_of(uint32_t letter) {
    if (letter >= 0x300 && letter < 0x370) return 0; /* accents over the letter before: left out */
    if (letter >= 0xFE00 && letter < 0xFE10) return 0;
    bool wide = (letter >= 0x1100 && letter < 0x1160) || (letter >= 0x2E80 && letter < 0xA4D0) ||
                (letter >= 0xAC00 && letter < 0xD7A4) || (letter >= 0xF900 && letter < 0xFB00) ||
                (letter >= 0xFE30 && letter < 0xFE70) || (letter >= 0xFF00 && letter < 0xFF61) ||
                (letter >= 0x1F300 && letter < 0x1FB00) || (letter >= 0x20000 && letter < 0x40000);
    return wide ? 2 : 1;
}

int elbow_canvas_width_of(const char *text) {
    int width = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';)
        width += width_of(next_letter(&at));
    return width;
}

int elbow_canvas_put(elbow_canvas *canvas, int x, int y, int room, elbow_ink ink, const char *text) {
    int taken = 0, whole = elbow_canvas_width_of(text);
    if (room > canvas->width - x) room = canvas->width - x;
    if (room <= 0) return 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        uint32_t letter = next_letter(&at);
        int width = width_of(letter);
        if (width == 0) continue;
        if (whole > room && taken + width > room - 1) {
            elbow_canvas_letter(canvas, x + taken, y, ink, ELLIPSIS);
            return taken + 1;
        }
        elbow_canvas_letter(canvas, x + taken, y, ink, letter);
        if (width == 2) elbow_canvas_letter(canvas, x + taken + 1, y, ink, 0);
        taken += width;
    }
    return taken;
}

int elbow_canvas_print(elbow_canvas *canvas, int x, int y, elbow_ink ink, const char *format, ...) {
    char line[LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return x + elbow_canvas_put(canvas, x, y, canvas->width, ink, line);
}

/* ------------------------------------------------------------------------------------ dots and bars */

void elbow_canvas_dot(elbow_canvas *canvas, int x, int y, elbow_ink ink) {
    /* The bits of a Braille pattern: three rows of two, and a fourth row that came later. */
    static const uint8_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x < 0 || y < 0) return;
    elbow_cell *cell = cell_at(canvas, x / 2, y / 4);
    if (cell == NULL) return;
    bool braille = cell->letter >= BRAILLE && cell->letter < BRAILLE_END;
    *cell = (elbow_cell){(braille ? cell->letter : BRAILLE) | bits[y % 4][x % 2], ink};
}

void elbow_canvas_bar(elbow_canvas *canvas, int x, int y, int width, elbow_ink ink, double share) {
    double clipped = share > 1 ? 1 : share > 0 ? share : 0; /* nan: nothing */
    int eighths = (int)(clipped * width * EIGHTHS + 0.5);
    for (int i = 0; i < width; i++, eighths -= EIGHTHS) {
        if (eighths <= 0) return;
        /* U+2588 is the full block, U+2589 seven eighths, … U+258F one. */
        uint32_t letter = FULL_BLOCK + (eighths >= EIGHTHS ? 0u : (uint32_t)(EIGHTHS - eighths));
        elbow_canvas_letter(canvas, x + i, y, ink, letter);
    }
}

/* ------------------------------------------------------------------------------------------- rows */

/* A letter that looks alike. Dots of the upper half of a Braille cell, of the lower, of both. */
static char ascii_of(uint32_t letter) {
    static const struct {
        uint32_t letter;
        char ascii;
    } alike[] = {{0x2500, '-'}, {0x2502, '|'}, {0x2514, '+'}, {0x2524, '+'}, {0x252C, '+'}, {0x2534, '+'},
                 {0x2026, '.'}, {0x2022, 'o'}, {0x25E6, 'x'}, {0x2605, '*'}, {0x2191, '^'}, {0x2193, 'v'},
                 {0x2595, '|'}, {0x00B7, '-'}, {0x00B1, '~'}, {0x2212, '-'}, {0x00D7, 'x'}, {0x2192, '>'}};
    if (letter < 0x80) return (char)letter;
    if (letter >= BRAILLE && letter < BRAILLE_END) {
        bool upper = letter & 0x1B, lower = letter & 0xE4;
        return " .':"[2 * upper + lower];
    }
    if (letter >= 0x2581 && letter < FULL_BLOCK) return "_.,-=+*"[letter - 0x2581];
    if (letter >= FULL_BLOCK && letter < 0x2590) return letter < 0x258C ? '#' : '-';
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        if (alike[i].letter == letter) return alike[i].ascii;
    return '?';
}

static elbow_status add_letter(elbow_text *out, uint32_t letter, bool utf8) {
    char bytes[4];
    size_t count = 1;
    if (!utf8 || letter < 0x80) {
        bytes[0] = ascii_of(letter);
    } else if (letter < 0x800) {
        count = 2;
        bytes[0] = (char)(0xC0 | letter >> 6);
    } else if (letter < 0x10000) {
        count = 3;
        bytes[0] = (char)(0xE0 | letter >> 12);
    } else {
        count = 4;
        bytes[0] = (char)(0xF0 | letter >> 18);
    }
    for (size_t i = 1; i < count; i++) bytes[i] = (char)(0x80 | (letter >> 6 * (count - 1 - i) & 0x3F));
    return elbow_text_add(out, bytes, count);
}

elbow_status elbow_canvas_row(const elbow_canvas *canvas, int y, elbow_canvas_style style, elbow_text *out) {
    static const char *const codes[ELBOW_INKS] = {"0",    "0;2",  "0;1",  "0;31", "0;32",
                                                  "0;33", "0;34", "0;35", "0;36"};
    const elbow_cell *row = canvas->cells + (size_t)y * (size_t)canvas->width;
    int end = canvas->width;
    while (end > 0 && row[end - 1].letter == ' ') end--;
    elbow_ink ink = ELBOW_INK_PLAIN;
    for (int x = 0; x < end; x++) {
        if (row[x].letter == 0) {
            if (!style.utf8) ELBOW_TRY(elbow_text_add(out, "?", 1)); /* a wide letter stays two cells wide */
            continue;
        }
        if (style.colour && row[x].ink != ink && row[x].letter != ' ') {
            ink = row[x].ink;
            ELBOW_TRY(elbow_text_print(out, "\033[%sm", codes[ink]));
        }
        ELBOW_TRY(add_letter(out, row[x].letter, style.utf8));
    }
    return ink == ELBOW_INK_PLAIN ? ELBOW_OK : elbow_text_add(out, "\033[0m", 4);
}

bool elbow_canvas_same_row(const elbow_canvas *a, const elbow_canvas *b, int y) {
    size_t at = (size_t)y * (size_t)a->width;
    for (size_t x = at; x < at + (size_t)a->width; x++)
        if (a->cells[x].letter != b->cells[x].letter || a->cells[x].ink != b->cells[x].ink) return false;
    return true;
}

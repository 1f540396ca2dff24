#include "elbow/base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double longest_duration = 1e9; /* seconds: 31 years */

/* A program that embeds the library may run in a locale whose decimal point is a comma; a config may not. */
static locale_t enter_plain_locale(locale_t *plain) {
    *plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return *plain == (locale_t)0 ? (locale_t)0 : uselocale(*plain);
}

static void leave_plain_locale(locale_t plain, locale_t before) {
    if (plain == (locale_t)0) return;
    uselocale(before);
    freelocale(plain);
}

/* strtod without its extras: spaces before, hexadecimal, nan, inf. *end is where the number ends. */
static double read_real(const char *text, const char **end) {
    size_t span = strspn(text, "+-.0123456789eE");
    char digits[512]; /* no number that means something is longer; what is cut off is garbage to the caller */
    *end = text;
    if (span == 0 || span >= sizeof digits) return 0;
    memcpy(digits, text, span);
    digits[span] = '\0';
    locale_t plain, before = enter_plain_locale(&plain);
    char *stop = digits;
    double value = strtod(digits, &stop);
    leave_plain_locale(plain, before);
    *end = text + (stop - digits);
    return value;
}

/* `wanted` says what may stand there: "a whole number, 1 to 100". */
static elbow_status refuse(const char *text, const char *problem, const char *wanted) {
    if (text[0] == '\0') return elbow_fail(ELBOW_USAGE, "there is no value; give %s", wanted);
    if (strstr(text, " #") != NULL)
        return elbow_fail(ELBOW_USAGE, "`%.60s` %s: a comment after a value begins with ` ;`; give %s", text,
                          problem, wanted);
    return elbow_fail(ELBOW_USAGE, "`%.60s` %s; give %s", text, problem, wanted);
}

elbow_status elbow_number_integer(const char *text, int64_t least, int64_t most, int64_t *value) {
    char wanted[96];
    if (most == INT64_MAX)
        snprintf(wanted, sizeof wanted, "%" PRId64 " or more", least);
    else
        snprintf(wanted, sizeof wanted, "%" PRId64 " to %" PRId64, least, most);

    const char *digits = text + (text[0] == '-' || text[0] == '+');
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
        /* 1e6 and 100.0 are whole numbers in another dress: say how to write them. */
        const char *end = NULL;
        double real = read_real(text, &end);
        if (end != text && *end == '\0' && fabs(real) < 1e15 && real == floor(real))
            snprintf(wanted, sizeof wanted, "%.0f", real);
        return refuse(text, "is not a whole number", wanted);
    }
    errno = 0;
    intmax_t read = strtoimax(text, NULL, 10);
    if (errno != 0 || read > INT64_MAX || read < INT64_MIN)
        return refuse(text, "does not fit into 64 bits", wanted);
    if (read < least || read > most) return refuse(text, "is out of range", wanted);
    *value = read;
    return ELBOW_OK;
}

elbow_status elbow_number_real(const char *text, double least, double most, double *value) {
    char low[ELBOW_NUMBER_BYTES], high[ELBOW_NUMBER_BYTES], wanted[96];
    elbow_number_real_text(low, least);
    elbow_number_real_text(high, most);
    snprintf(wanted, sizeof wanted, "%s to %s", low, high);

    const char *end = NULL;
    double read = read_real(text, &end);
    if (end == text || *end != '\0') return refuse(text, "is not a number", wanted);
    size_t first = strcspn(text, "123456789"); /* a zero that was none: 1e-400 */
    bool vanished = read == 0 && text[first] != '\0' && first < strcspn(text, "eE");
    if (!isfinite(read) || vanished) return refuse(text, "does not fit into a double", wanted);
    if (read < least || read > most) return refuse(text, "is out of range", wanted);
    *value = read;
    return ELBOW_OK;
}

/* H:MM:SS, minutes and seconds below 60. */
static bool read_clock(const char *text, double *seconds) {
    size_t hours = strspn(text, "0123456789");
    const char *rest = text + hours;
    if (hours == 0 || hours > 6 || strlen(rest) != 6 || rest[0] != ':' || rest[3] != ':') return false;
    if (strspn(rest + 1, "0123456789") != 2 || strspn(rest + 4, "0123456789") != 2) return false;
    if (rest[1] > '5' || rest[4] > '5') return false;
    *seconds = 3600 * strtod(text, NULL) + 60 * strtod(rest + 1, NULL) + strtod(rest + 4, NULL);
    return true;
}

static const struct {
    const char *suffix;
    double seconds;
} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {"", 1}};

elbow_status elbow_number_duration(const char *text, double *seconds) {
    static const char wanted[] = "seconds, or 90s, 30m, 2h, 1d, 1:30:00, up to 1e9 seconds";
    double read = 0;
    if (!read_clock(text, &read)) {
        const char *end = NULL;
        double number = read_real(text, &end);
        size_t u = 0;
        while (u < sizeof units / sizeof units[0] && strcmp(end, units[u].suffix) != 0) u++;
        if (end == text || u == sizeof units / sizeof units[0])
            return refuse(text, "is not a duration", wanted);
        read = number * units[u].seconds;
    }
    if (!(read >= 0 && read <= longest_duration)) return refuse(text, "is out of range", wanted);
    *seconds = read;
    return ELBOW_OK;
}

/* 1e-05 and 1e+30, as people write them: 1e-5 and 1e30. */
static void shorten_exponent(char *text) {
    char *exponent = strchr(text, 'e');
    if (exponent == NULL) return;
    char *digits = exponent + 1;
    if (*digits == '-') digits++;
    size_t skip = strspn(digits, "+0");
    memmove(digits, digits + skip, strlen(digits + skip) + 1);
}

void elbow_number_real_text(char text[ELBOW_NUMBER_BYTES], double value) {
    locale_t plain, before = enter_plain_locale(&plain);
    if (fabs(value) < 1e6 && value == floor(value)) {
        snprintf(text, ELBOW_NUMBER_BYTES, "%.0f", value); /* 100, where %g's shortest form is 1e+02 */
    } else {
        for (int precision = 1; precision <= 17; precision++) {
            snprintf(text, ELBOW_NUMBER_BYTES, "%.*g", precision, value);
            if (strtod(text, NULL) == value) break;
        }
    }
    leave_plain_locale(plain, before);
    shorten_exponent(text);
}

void elbow_number_rounded_text(char text[ELBOW_NUMBER_BYTES], double value, int digits) {
    locale_t plain, before = enter_plain_locale(&plain);
    snprintf(text, ELBOW_NUMBER_BYTES, "%.*g", digits, value == 0 ? 0.0 : value); /* -0 is 0 */
    leave_plain_locale(plain, before);
    shorten_exponent(text);
}

const char *elbow_number_size_text(char text[ELBOW_NUMBER_BYTES], double bytes) {
    locale_t plain, before = enter_plain_locale(&plain);
    if (bytes >= 999.5e6)
        snprintf(text, ELBOW_NUMBER_BYTES, "%.2f GB", bytes / 1e9);
    else if (bytes >= 999.5e3)
        snprintf(text, ELBOW_NUMBER_BYTES, "%.*f MB", bytes < 9.95e6, bytes / 1e6);
    else
        snprintf(text, ELBOW_NUMBER_BYTES, "%.0f kB", bytes / 1e3);
    leave_plain_locale(plain, before);
    return text;
}

void elbow_number_duration_text(char text[ELBOW_NUMBER_BYTES], double seconds) {
    size_t u = 0;
    while (units[u].seconds > 1 && (seconds == 0 || fmod(seconds, units[u].seconds) != 0)) u++;
    elbow_number_real_text(text, seconds / units[u].seconds);
    if (seconds != 0) strcat(text, units[u].suffix);
}

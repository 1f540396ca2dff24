#include "elbow/optim/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"
#include "elbow/base/options.h"

enum { LARGEST_WORD = 64 };
static const double largest = 1e30; /* of any number in a schedule: products stay finite */

/* The words NAME=VALUE; a shape takes some and needs some. */
enum { STEPS = 1, RATE = 2, EVERY = 4, WARMUP = 8, RATIO = 16 };

struct elbow_schedule_ops {
    const char *name, *grammar;
    unsigned numbers; /* how many stand behind the name */
    unsigned takes, needs;
    bool every_is_period; /* `every` belongs to the formula: u is not rounded */
    bool returns;         /* not monotone: it goes back to FROM */

    /* The value u steps after warm-up; `length` is what N stands for without steps=. */
    double (*value)(const elbow_schedule *schedule, double u, double length);

    /* What the formula asks of the numbers; NULL for nothing. */
    elbow_status (*check)(const elbow_schedule *schedule);
};

/* ------------------------------------------------------------------------------------------ the shapes */

static double constant_value(const elbow_schedule *s, double u, double length) {
    (void)u;
    (void)length;
    return s->from;
}

static const elbow_schedule_ops constant = {
    .name = "constant",
    .grammar = "constant VALUE [warmup=W]",
    .numbers = 1,
    .takes = WARMUP,
    .value = constant_value,
};

/* min(1, u / N); a run that is all warm-up never leaves 0. */
static double fraction(const elbow_schedule *s, double u, double length) {
    double n = s->steps > 0 ? (double)s->steps : length;
    return u < n ? u / n : (u > 0 ? 1 : 0);
}

static double linear_value(const elbow_schedule *s, double u, double length) {
    double f = fraction(s, u, length);
    return f < 1 ? s->from + (s->to - s->from) * f : s->to; /* the end to the last bit */
}

static const elbow_schedule_ops linear = {
    .name = "linear",
    .grammar = "linear FROM TO [steps=N] [warmup=W] [every=N]",
    .numbers = 2,
    .takes = STEPS | WARMUP | EVERY,
    .value = linear_value,
};

static double cosine_value(const elbow_schedule *s, double u, double length) {
    static const double pi = 3.14159265358979323846;
    double f = fraction(s, u, length);
    if (f <= 0) return s->from; /* both ends to the last bit */
    return f < 1 ? s->to + (s->from - s->to) * (1 + cos(pi * f)) / 2 : s->to;
}

static const elbow_schedule_ops cosine = {
    .name = "cosine",
    .grammar = "cosine FROM TO [steps=N] [warmup=W] [every=N]",
    .numbers = 2,
    .takes = STEPS | WARMUP | EVERY,
    .value = cosine_value,
};

static double exponential_value(const elbow_schedule *s, double u, double length) {
    (void)length;
    if (s->to < s->from) return fmax(s->to, s->from * exp(-s->rate * u));
    return fmin(s->to, s->from * exp(s->rate * u));
}

static elbow_status exponential_check(const elbow_schedule *s) {
    ELBOW_CHECK(s->from > 0, ELBOW_USAGE, "an exponential cannot start at %g; give FROM above 0", s->from);
    return ELBOW_OK;
}

static const elbow_schedule_ops exponential = {
    .name = "exponential",
    .grammar = "exponential FROM TO rate=R [warmup=W] [every=N]",
    .numbers = 2,
    .takes = RATE | WARMUP | EVERY,
    .needs = RATE,
    .value = exponential_value,
    .check = exponential_check,
};

static double step_value(const elbow_schedule *s, double u, double length) {
    (void)length;
    return fmin(fmax(s->from * pow(s->to, floor(u / (double)s->every)), -largest), largest);
}

static elbow_status step_check(const elbow_schedule *s) {
    ELBOW_CHECK(s->to > 0, ELBOW_USAGE, "the factor %g is not positive; give FACTOR above 0, e.g. 0.5",
                s->to);
    return ELBOW_OK;
}

static const elbow_schedule_ops step = {
    .name = "step",
    .grammar = "step FROM FACTOR every=N [warmup=W]",
    .numbers = 2,
    .takes = EVERY | WARMUP,
    .needs = EVERY,
    .every_is_period = true,
    .value = step_value,
    .check = step_check,
};

/* The logistic function between −5 and 5, stretched to reach both ends. */
static double sigmoid_value(const elbow_schedule *s, double u, double length) {
    double f = fraction(s, u, length), low = 1 / (1 + exp(5.0)), high = 1 / (1 + exp(-5.0));
    if (f <= 0) return s->from;
    return f < 1 ? s->from + (s->to - s->from) * (1 / (1 + exp(5 - 10 * f)) - low) / (high - low) : s->to;
}

static const elbow_schedule_ops sigmoid = {
    .name = "sigmoid",
    .grammar = "sigmoid FROM TO [steps=N] [warmup=W] [every=N]",
    .numbers = 2,
    .takes = STEPS | WARMUP | EVERY,
    .value = sigmoid_value,
};

/* A straight way from FROM to TO in the first `ratio` of each period, TO in the rest (Fu et al. 2019). */
static double cyclic_value(const elbow_schedule *s, double u, double length) {
    (void)length;
    double ratio = s->rate > 0 ? s->rate : 0.5, f = fmod(u, (double)s->every) / (ratio * (double)s->every);
    return f < 1 ? s->from + (s->to - s->from) * f : s->to;
}

static elbow_status cyclic_check(const elbow_schedule *s) {
    ELBOW_CHECK(s->rate <= 1, ELBOW_USAGE, "a ratio of %g is more than the whole period; give one up to 1",
                s->rate);
    return ELBOW_OK;
}

static const elbow_schedule_ops cyclic = {
    .name = "cyclic",
    .grammar = "cyclic FROM TO every=N [ratio=R] [warmup=W]",
    .numbers = 2,
    .takes = EVERY | RATIO | WARMUP,
    .needs = EVERY,
    .every_is_period = true,
    .returns = true,
    .value = cyclic_value,
    .check = cyclic_check,
};

static const elbow_schedule_ops *const shapes[] = {&constant, &linear,  &exponential, &cosine,
                                                   &step,     &sigmoid, &cyclic};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* ----------------------------------------------------------------------------------------- the grammar */

/* Copies the next word and moves *text behind it; false at the end. No right word is as long as the room: one
 * that is ends in "...", which neither a number nor a name does. */
static bool next_word(const char **text, char word[LARGEST_WORD]) {
    const char *begin = *text + strspn(*text, " \t");
    size_t length = strcspn(begin, " \t");
    *text = begin + length;
    if (length == 0) return false;
    snprintf(word, LARGEST_WORD, "%.*s", (int)(length < LARGEST_WORD ? length : LARGEST_WORD), begin);
    if (length >= LARGEST_WORD) memcpy(word + LARGEST_WORD - 4, "...", 4);
    return true;
}

static elbow_status fail_shape(const elbow_schedule_ops *ops, const char *word, const char *problem) {
    return elbow_fail(ELBOW_USAGE, "`%s` %s; the grammar is: %s", word, problem, ops->grammar);
}

static elbow_status unknown_shape(const char *word) {
    const char *names[SHAPES];
    for (size_t i = 0; i < SHAPES; i++) names[i] = shapes[i]->name;
    const char *nearest = elbow_nearest_name(word, names, SHAPES);
    for (size_t i = 0; i < SHAPES; i++)
        if (nearest == names[i])
            return elbow_fail(ELBOW_USAGE,
                              "`%s` is no number and no schedule; did you mean `%s`? Its grammar is: %s",
                              word, nearest, shapes[i]->grammar);
    return elbow_fail(
        ELBOW_USAGE,
        "`%s` is no number and no schedule; give a number, or one of constant, linear, exponential, "
        "cosine, step, sigmoid, cyclic",
        word);
}

/* One NAME=VALUE; `seen` collects which. */
static elbow_status take_word(elbow_schedule *s, char *word, unsigned *seen) {
    static const struct {
        const char *name;
        unsigned bit;
    } words[] = {{"steps", STEPS}, {"rate", RATE}, {"every", EVERY}, {"warmup", WARMUP}, {"ratio", RATIO}};
    char *equals = strchr(word, '=');
    if (equals == NULL) return fail_shape(s->ops, word, "is not expected here");
    size_t length = (size_t)(equals - word);
    unsigned bit = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].name) == length && strncmp(words[i].name, word, length) == 0) bit = words[i].bit;
    if ((bit & s->ops->takes) == 0) return fail_shape(s->ops, word, "is not known here");
    if ((bit & *seen) != 0) return fail_shape(s->ops, word, "comes a second time");
    *seen |= bit;

    elbow_status status = ELBOW_OK;
    const char *value = equals + 1;
    if (bit == RATE || bit == RATIO) {
        status = elbow_number_real(value, 0, largest, &s->rate);
        if (status == ELBOW_OK && s->rate == 0) return fail_shape(s->ops, word, "never moves");
    } else {
        int64_t *place = bit == STEPS ? &s->steps : bit == EVERY ? &s->every : &s->warmup;
        status = elbow_number_integer(value, bit == WARMUP ? 0 : 1, INT64_MAX, place);
    }
    return status == ELBOW_OK ? status : elbow_fail_prefix(status, "%.*s", (int)length, word);
}

static elbow_status take_number(elbow_schedule *s, const char *word, double *value) {
    elbow_status status = elbow_number_real(word, -largest, largest, value);
    if (status == ELBOW_OK) return status;
    char problem[256];
    snprintf(problem, sizeof problem, "%s", elbow_error_message());
    return elbow_fail(status, "%s; the grammar is: %s", problem, s->ops->grammar);
}

elbow_status elbow_schedule_parse(elbow_schedule *schedule, const char *text) {
    char word[LARGEST_WORD];
    elbow_schedule s = {.ops = NULL, .every = 1};
    ELBOW_CHECK(next_word(&text, word), ELBOW_USAGE,
                "there is no schedule; give a number, or one of constant, "
                "linear, exponential, cosine, step, sigmoid, cyclic");
    for (size_t i = 0; i < SHAPES; i++)
        if (strcmp(shapes[i]->name, word) == 0) s.ops = shapes[i];

    double *const numbers[2] = {&s.from, &s.to};
    unsigned count = 0, seen = 0;
    if (s.ops == NULL) {
        if (elbow_number_real(word, -largest, largest, &s.from) != ELBOW_OK) {
            if (strspn(word, "+-.0123456789") > 0)
                return elbow_fail_prefix(ELBOW_USAGE, "a schedule's value");
            return unknown_shape(word);
        }
        s.ops = &constant;
        count = 1;
    }
    while (next_word(&text, word)) {
        if (count < s.ops->numbers && strchr(word, '=') == NULL)
            ELBOW_TRY(take_number(&s, word, numbers[count++]));
        else
            ELBOW_TRY(take_word(&s, word, &seen));
    }
    ELBOW_CHECK(count == s.ops->numbers, ELBOW_USAGE, "`%s` lacks a number; the grammar is: %s", s.ops->name,
                s.ops->grammar);
    ELBOW_CHECK((seen & s.ops->needs) == s.ops->needs, ELBOW_USAGE, "`%s` lacks a word; the grammar is: %s",
                s.ops->name, s.ops->grammar);
    if (s.ops->check != NULL) ELBOW_TRY(s.ops->check(&s));
    *schedule = s;
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------ the values */

double elbow_schedule_value(const elbow_schedule *schedule, int64_t t, int64_t run_steps) {
    const elbow_schedule *s = schedule;
    int64_t looked_at = s->ops->every_is_period ? t : t - t % s->every;
    int64_t u = looked_at > s->warmup ? looked_at - s->warmup : 0;
    int64_t length = run_steps > s->warmup ? run_steps - s->warmup : 0;
    double value = s->ops->value(s, (double)u, (double)length);
    if (t < s->warmup) value *= (double)(t + 1) / (double)s->warmup;
    return value;
}

/* Every shape that does not return is monotone, and so is warm-up, which ends where the shape begins: the three ends say
 * all. One that returns goes no further than its two ends. */
void elbow_schedule_range(const elbow_schedule *schedule, int64_t run_steps, double *least, double *most) {
    int64_t last = run_steps > 0 ? run_steps - 1 : 0;
    double begin = elbow_schedule_value(schedule, 0, run_steps);
    double warm =
        elbow_schedule_value(schedule, schedule->warmup < last ? schedule->warmup : last, run_steps);
    double end = elbow_schedule_value(schedule, last, run_steps);
    *least = fmin(begin, fmin(warm, end));
    *most = fmax(begin, fmax(warm, end));
    if (!schedule->ops->returns) return;
    *least = fmin(*least, fmin(schedule->from, schedule->to));
    *most = fmax(*most, fmax(schedule->from, schedule->to));
}

bool elbow_schedule_spans_run(const elbow_schedule *schedule) {
    return (schedule->ops->takes & STEPS) != 0 && schedule->steps == 0;
}

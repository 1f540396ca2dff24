/* The history of a run: what its rows must be, and whether one is the beginning of another. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/data/dataset.h"
#include "train/verify_inside.h"

/* NaN says in these that there is nothing to say. */
static bool may_be_absent(const char *table, const char *column) {
    static const struct {
        const char *table, *column;
    } names[] = {{"/evaluation", "soft_elbo"},   {"/evaluation", "soft_reconstruction"},
                 {"/evaluation", "temperature"}, {"/evaluation", "train_elbo"},
                 {"/evaluation", "elbo_error"},  {"/train", "gradient_square"},
                 {"/train", "gradient_noise"},   {"/train", "noise_scale"},
                 {"/test", "elbo_error"},        {"/test", "iwae_error"},
                 {"/evaluation", "accuracy"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].table, table) == 0 && strcmp(names[i].column, column) == 0) return true;
    return false;
}

static elbow_status check_finite(const elbow_table *t, const char *name, const char *subject) {
    const double *steps = elbow_table_column(t, "step");
    for (size_t c = 0; c < t->columns; c++)
        for (size_t r = 0; r < t->rows && !may_be_absent(name, t->names[c]); r++)
            ELBOW_CHECK(
                isfinite(t->values[c][r]), ELBOW_NUMERIC,
                "%s: %s: row %zu (step %.0f): %s is %g; the run diverged: take a checkpoint from before",
                subject, name, r, steps[r], t->names[c], t->values[c][r]);
    return ELBOW_OK;
}

/* `by_split`: a step may have a row for each split, in their order. */
static elbow_status check_steps(const elbow_table *t, const char *name, bool by_split, int64_t step,
                                const char *subject) {
    const double *steps = elbow_table_column(t, "step"), *seconds = elbow_table_column(t, "seconds");
    const double *splits = by_split ? elbow_table_column(t, "split") : NULL;
    const char *mend = step < 0 ? "resume the run from its newest checkpoint, which writes the history anew"
                                : "take an earlier one";
    for (size_t r = 0; r < t->rows; r++) {
        ELBOW_CHECK(steps[r] >= 0 && steps[r] == floor(steps[r]), ELBOW_FORMAT,
                    "%s: %s: row %zu is of step %g, which cannot be; take an earlier file", subject, name, r,
                    steps[r]);
        ELBOW_CHECK(step < 0 || steps[r] <= (double)step, ELBOW_FORMAT,
                    "%s: %s: row %zu is of step %.0f, and the checkpoint of step %lld; take an earlier one",
                    subject, name, r, steps[r], (long long)step);
        if (r == 0) continue;
        bool grows =
            steps[r] > steps[r - 1] || (splits && steps[r] == steps[r - 1] && splits[r] > splits[r - 1]);
        bool again = steps[r] == steps[r - 1] && (!splits || splits[r] == splits[r - 1]);
        ELBOW_CHECK(grows, ELBOW_FORMAT, "%s: %s: row %zu, of step %.0f, %s; %s", subject, name, r, steps[r],
                    again ? "is there twice" : "comes after that of a later step", mend);
        ELBOW_CHECK(seconds[r] >= seconds[r - 1], ELBOW_FORMAT,
                    "%s: %s: row %zu (step %.0f): seconds go back from %g to %g; %s", subject, name, r,
                    steps[r], seconds[r - 1], seconds[r], mend);
    }
    return ELBOW_OK;
}

/* Events are of steps that were not finite, and a step that is tried again may have several. */
static elbow_status check_events(const elbow_table *t, const char *subject) {
    const double *steps = elbow_table_column(t, "step");
    for (size_t r = 0; r < t->rows; r++)
        ELBOW_CHECK(isfinite(steps[r]) && steps[r] >= 0, ELBOW_FORMAT,
                    "%s: /events: row %zu is of step %g, which cannot be; take an earlier file", subject, r,
                    steps[r]);
    return ELBOW_OK;
}

/* Looks at test: of steps that the run had done by then, and none of them twice with as many draws. */
static elbow_status check_test(const elbow_table *t, int64_t step, const char *subject) {
    const double *steps = elbow_table_column(t, "step"), *at = elbow_table_column(t, "at"),
                 *samples = elbow_table_column(t, "samples");
    for (size_t r = 0; r < t->rows; r++) {
        ELBOW_CHECK(isfinite(at[r]) && steps[r] >= 0 && steps[r] <= at[r] &&
                        (step < 0 || at[r] <= (double)step) && (r == 0 || at[r] >= at[r - 1]),
                    ELBOW_FORMAT,
                    "%s: /test: row %zu is of step %g, looked at after %g, which cannot be; take an earlier "
                    "file",
                    subject, r, steps[r], at[r]);
        for (size_t k = 0; k < r; k++)
            ELBOW_CHECK(steps[k] != steps[r] || samples[k] != samples[r], ELBOW_FORMAT,
                        "%s: /test: row %zu, of step %.0f, is there twice; take an earlier file", subject, r,
                        steps[r]);
    }
    return check_finite(t, "/test", subject);
}

elbow_status elbow_verify_metrics(const elbow_metrics *metrics, int64_t step, const char *subject) {
    const elbow_table *evaluation = &metrics->evaluation;
    const double *splits = elbow_table_column(evaluation, "split");
    for (size_t r = 0; r < evaluation->rows; r++)
        ELBOW_CHECK(splits[r] >= 0 && splits[r] < ELBOW_SPLITS && splits[r] == floor(splits[r]), ELBOW_FORMAT,
                    "%s: /evaluation: row %zu is of split %g, which cannot be; take an earlier file", subject,
                    r, splits[r]);
    ELBOW_TRY(check_steps(&metrics->train, "/train", false, step, subject));
    ELBOW_TRY(check_steps(evaluation, "/evaluation", true, step, subject));
    ELBOW_TRY(check_finite(&metrics->train, "/train", subject));
    ELBOW_TRY(check_finite(evaluation, "/evaluation", subject));
    ELBOW_TRY(check_events(&metrics->events, subject));
    return check_test(&metrics->test, step, subject);
}

static elbow_status compare_table(const elbow_table *part, const elbow_table *whole, const char *name,
                                  const char *subject, size_t *behind) {
    const double *steps = elbow_table_column(part, "step");
    size_t rows = part->rows < whole->rows ? part->rows : whole->rows;
    *behind += part->rows - rows;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < part->columns; c++) {
            const double *other = elbow_table_column(whole, part->names[c]);
            if (!other || elbow_column_measures_time(part->names[c])) continue;
            double here = part->values[c][r], there = other[r];
            ELBOW_CHECK(here == there || (isnan(here) && isnan(there)), ELBOW_MISMATCH,
                        "%s: its history is not that of metrics.h5: %s, row %zu (step %.0f): %s is %.17g "
                        "here and %.17g there; one of the two is of another run: move it away",
                        subject, name, r, steps[r], part->names[c], here, there);
        }
    return ELBOW_OK;
}

elbow_status elbow_verify_history(const elbow_metrics *part, const elbow_metrics *whole, const char *subject,
                                  size_t *behind) {
    *behind = 0;
    ELBOW_TRY(compare_table(&part->train, &whole->train, "/train", subject, behind));
    ELBOW_TRY(compare_table(&part->evaluation, &whole->evaluation, "/evaluation", subject, behind));
    ELBOW_TRY(compare_table(&part->events, &whole->events, "/events", subject, behind));
    return compare_table(&part->test, &whole->test, "/test", subject, behind);
}

#include "elbow/store/noise.h"

#include <math.h>

enum { LEAST_ROWS = 3, ENOUGH_ROWS = 8 };

elbow_noise elbow_noise_of_step(double of_sum, double of_leaves, double examples, double overlap) {
    double rest = 1 - overlap;
    if (!(rest > 1e-12) || !isfinite(of_sum) || !isfinite(of_leaves))
        return (elbow_noise){(double)NAN, (double)NAN};
    return (elbow_noise){.square = (of_sum - of_leaves) / rest,
                         .trace = examples * (of_leaves - overlap * of_sum) / rest};
}

/* Rows [first, end) of /train, each with the weight of its steps. */
typedef struct window {
    const double *steps, *squares, *traces;
    size_t first, end;
} window;

static double weight(const window *w, size_t row) {
    return isnan(w->traces[row]) ? 0 : w->steps[row] - (row > 0 ? w->steps[row - 1] : 0);
}

static elbow_noise sum_rows(const window *w, size_t *rows) {
    elbow_noise sum = {0, 0};
    *rows = 0;
    for (size_t r = w->first; r < w->end; r++) {
        if (weight(w, r) <= 0) continue;
        sum.square += weight(w, r) * w->squares[r];
        sum.trace += weight(w, r) * w->traces[r];
        ++*rows;
    }
    return sum;
}

/* Of |G|² / tr Σ, which unlike its inverse is well-behaved where |G|² may be nought: what it is without each of the rows tells
 * how far it is to be trusted (the jackknife). */
static double error_of(const window *w, elbow_noise sum, size_t rows) {
    double mean = 0, squares = 0, n = (double)rows;
    for (int pass = 0; pass < 2; pass++)
        for (size_t r = w->first; r < w->end; r++) {
            if (weight(w, r) <= 0) continue;
            double value =
                (sum.square - weight(w, r) * w->squares[r]) / (sum.trace - weight(w, r) * w->traces[r]);
            if (pass == 0)
                mean += value / n;
            else
                squares += (value - mean) * (value - mean);
        }
    return sqrt(squares * (n - 1) / n);
}

static double inverse(double value) { return value > 0 ? 1 / value : INFINITY; }

bool elbow_noise_scale_of(elbow_noise_scale *scale, const elbow_table *train) {
    window w = {
        .steps = elbow_table_column(train, "step"),
        .squares = elbow_table_column(train, "gradient_square"),
        .traces = elbow_table_column(train, "gradient_noise"),
        .end = train->rows,
    };
    if (!w.steps || !w.squares || !w.traces || train->rows == 0) return false;
    double last = w.steps[w.end - 1];
    for (w.first = w.end;
         w.first > 0 && (w.end - w.first < ENOUGH_ROWS || w.steps[w.first - 1] > 0.75 * last);)
        w.first--;
    size_t rows = 0;
    elbow_noise sum = sum_rows(&w, &rows);
    if (rows < LEAST_ROWS || !(sum.trace > 0)) return false;
    double ratio = sum.square / sum.trace, error = error_of(&w, sum, rows);
    if (!isfinite(error)) return false;
    *scale = (elbow_noise_scale){
        .from = w.first > 0 ? w.steps[w.first - 1] : 0,
        .to = last,
        .examples = inverse(ratio),
        .least = inverse(ratio + 2 * error),
        .most = inverse(ratio - 2 * error),
    };
    return true;
}

#include "train/noise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/log.h"
#include "train/report.h"

enum { LINE = 1024, PART = 320, DIGITS = 3 };

/* 1243.7 → "1,240": no more digits than mean anything. */
static const char *rounded(char text[32], double examples) {
    double unit = pow(10, fmax(0, floor(log10(fmax(1, examples))) + 1 - DIGITS));
    double value = fmin(1e18, fmax(1, unit * round(examples / unit)));
    return elbow_format_count(text, (size_t)value);
}

/* How the batch lies to the scale, and what one of the scale's size would take, by the rule. */
static void compare(char *text, size_t room, double scale, size_t batch) {
    char here[32], there[32];
    double B = (double)batch, steps = 2 / (1 + scale / B), examples = 2 / (1 + B / scale);
    elbow_format_count(here, batch);
    rounded(there, scale);
    if (scale > 2 * B)
        snprintf(
            text, room,
            "the batch of %s is %sbelow it: up to about %s, a larger one would need fewer steps at "
            "little extra cost (there %.2g times the steps for %.2g times the examples); beyond, examples "
            "are wasted",
            here, scale > 5 * B ? "well " : "", there, steps, examples);
    else if (2 * scale < B)
        snprintf(
            text, room,
            "the batch of %s is %sabove it, and wastes examples: one of about %s would need %.2g times as "
            "many, in %.2g times the steps",
            here, 5 * scale < B ? "well " : "", there, examples, steps);
    else
        snprintf(text, room, "the batch of %s is near it: a fair bargain of steps and examples", here);
}

void elbow_noise_words(char *text, size_t room, const elbow_noise_scale *scale, size_t batch,
                       const char *optimizer) {
    char value[32], least[32], most[32], from[32], to[32], here[32], range[PART], advice[PART];
    double B = (double)batch;
    bool bounded = isfinite(scale->most), known = isfinite(scale->examples);
    elbow_format_count(from, (size_t)scale->from + 1);
    elbow_format_count(to, (size_t)scale->to);
    rounded(least, scale->least);
    snprintf(range, sizeof range, "%s %s", least, bounded ? "to " : "or more");
    if (bounded)
        snprintf(range + strlen(range), sizeof range - strlen(range), "%s", rounded(most, scale->most));
    /* Where |G|² drowns in noise only the least is known, and tells something of batches below it. */
    double figure = fmax(1, known ? scale->examples : scale->least);
    bool unsure =
        known ? (figure > 2 * B && scale->least < B) || (2 * figure < B && scale->most > B) : figure < 2 * B;
    if (unsure)
        snprintf(advice, sizeof advice, "these steps are too few to say how the batch of %s lies to it",
                 elbow_format_count(here, batch));
    else
        compare(advice, sizeof advice, figure, batch);
    bool plain = strcmp(optimizer, "sgd") == 0;
    snprintf(
        text, room,
        "gradient noise scale %s%s examples (%s%ssteps %s to %s): %s. A rule of thumb (McCandlish et al. "
        "2018) for SGD at its best learning rate%s%.32s",
        known ? "" : "above ", rounded(value, figure), known ? range : "", known ? "; " : "", from, to,
        advice, plain ? "" : "; rougher for ", plain ? "" : optimizer);
}

void elbow_report_noise(const elbow_run *run) {
    char text[LINE];
    elbow_noise_scale scale;
    if (run->view.labels > 0) {
        elbow_detail(
            "gradient noise scale: not known, as with data.labels a step's examples are of two kinds, "
            "whose gradients differ");
        return;
    }
    if (elbow_exchange_leaves(run->exchange) < 2) {
        bool shards = run->order.shards < 2;
        elbow_detail(
            "gradient noise scale: not known, as one %s has nothing to compare its gradient with; %s",
            shards ? "shard" : "rank under parallel.allreduce = mpi",
            shards ? "a new run with --set parallel.shards=2, or more, tells it"
                   : "two ranks do, or a new run with parallel.allreduce = ordered");
        return;
    }
    if (!elbow_noise_scale_of(&scale, &run->metrics.train)) return;
    elbow_noise_words(text, sizeof text, &scale, run->order.batch, run->options->optimizer.name);
    elbow_notice("%s", text);
}

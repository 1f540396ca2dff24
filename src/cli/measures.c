#include "measures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/log.h"
#include "elbow/store/text.h"

elbow_reading elbow_cli_reading(const elbow_model *model, const elbow_view *view) {
    elbow_reading reading = {.continuous = elbow_vae_continuous(model->vae)};
    const elbow_field *field = elbow_vae_field(model->vae);
    reading.grey = !elbow_vae_observed(model->vae) && view->binarize == ELBOW_BINARIZE_NONE;
    if (reading.grey || reading.continuous) return reading;
    reading.symbols = field->kind == ELBOW_SEQUENCE;
    reading.unit = reading.symbols ? "symbol" : field->kind == ELBOW_TABLE ? "value" : "dimension";
    return reading;
}

/* ----------------------------------------------------------------------------------------- printing */

enum { NAME_WIDTH = 17, TEXT = 96 };

/* Bits of a mean over examples, per value of the data. */
static double bits_of(const elbow_measures *m, double nats) {
    return nats * (double)m->bounds.examples / (double)m->values / log(2);
}

/* "  NAME    nats ± error   bits  perplexity   WORDS"; columns that are not had stay empty. */
static void print_line(const elbow_reading *reading, const elbow_measures *m, const char *name, double nats,
                       double error, bool bits, const char *words) {
    char about[TEXT] = "", per[TEXT] = "";
    if (!isnan(error)) snprintf(about, sizeof about, "± %.3f", error);
    if (reading->unit && bits) {
        double each = bits_of(m, nats);
        int length = snprintf(per, sizeof per, "%9.4f", each);
        if (reading->symbols) snprintf(per + length, sizeof per - (size_t)length, "  %9.3f", exp2(each));
    }
    int width = !reading->unit ? 0 : reading->symbols ? 22 : 11;
    /* The plus-minus sign is two bytes. */
    elbow_notice("  %-*s %10.3f %-*s%-*s  %s", NAME_WIDTH, name, nats, about[0] ? 11 : 10, about, width, per,
                 words);
}

static void print_head(const elbow_reading *reading) {
    char per[TEXT] = "";
    if (reading->unit)
        snprintf(per, sizeof per, " bits/%s%s", reading->unit, reading->symbols ? ", perplexity" : "");
    elbow_notice("  %-*s %10s%s", NAME_WIDTH, "", "nats", per);
}

static void print_bounds(const elbow_model *model, const elbow_reading *reading, const elbow_measures *m) {
    const elbow_evaluation *e = &m->bounds;
    const char *bound = reading->grey ? "" : ": an upper bound of -log p(x)";
    char name[TEXT], words[TEXT];
    if (e->samples > 1)
        snprintf(words, sizeof words, "mean of %zu single-sample -ELBOs%s", e->samples, bound);
    else
        snprintf(words, sizeof words, "of a single sample%s", bound);
    print_line(reading, m, "-ELBO", -e->elbo, e->elbo_error, true, words);
    if (elbow_vae_predicts(model->vae)) {
        print_line(reading, m, "  of it KL", e->kl, NAN, false, elbow_vae_kl_words(model->vae, false));
    } else {
        print_line(reading, m, "  reconstruction", -e->reconstruction, NAN, false, "-E log p(x|z)");
        snprintf(words, sizeof words, "KL(q(z|x) || p(z)), %s", elbow_vae_kl_words(model->vae, false));
        print_line(reading, m, "  KL", e->kl, NAN, false, words);
    }
    snprintf(name, sizeof name, "IWAE-%zu", e->samples);
    snprintf(words, sizeof words, "of %zu sample%s together%s", e->samples, e->samples == 1 ? "" : "s",
             bound);
    print_line(reading, m, name, -e->iwae, e->iwae_error, true, words);
    snprintf(words, sizeof words, "%s: the sum over all %zu z", reading->grey ? "the same" : "exact",
             m->configurations);
    if (!isnan(m->exact.mean))
        print_line(reading, m, "-log p(x)", -m->exact.mean, m->exact.error, true, words);
    snprintf(words, sizeof words, "at temperature %.4g: no bound", e->temperature);
    if (!isnan(e->soft_elbo)) print_line(reading, m, "-ELBO, relaxed", -e->soft_elbo, NAN, false, words);
    if (!isnan(e->accuracy))
        elbow_notice("  %-*s %10.2f %%  of the labels are the most probable by q(y|x)", NAME_WIDTH, "labels",
                     100 * e->accuracy);
    for (size_t b = 0; b < m->baselines; b++) {
        snprintf(words, sizeof words, "-log p(x), %s, from %zu training examples", m->baseline[b].words,
                 m->train_examples);
        print_line(reading, m, b == 0 ? "without latents" : "", -m->baseline[b].log_px.mean,
                   m->baseline[b].log_px.error, true, words);
    }
}

void elbow_cli_print_reading(const elbow_reading *reading) {
    if (reading->grey)
        elbow_notice(
            "  Grey pixels are no observations of a Bernoulli: these are cross-entropies, not bounds on\n"
            "  -log p(x), and compare only with others of the same kind.");
    if (reading->continuous)
        elbow_notice("  These are of log-densities: they have no zero, and compare only in the same units.");
}

static void print_notes(const elbow_model *model, const elbow_reading *reading, const elbow_measures *m) {
    elbow_cli_print_reading(reading);
    if (m->log_scale != 0)
        elbow_notice(
            "  Real columns are standardised. In the table's own units all of them are %+.3f nats, the mean\n"
            "  sum of log scales: -ELBO %.3f, IWAE-%zu %.3f, without latents %.3f.",
            m->log_scale, m->log_scale - m->bounds.elbo, m->bounds.samples, m->log_scale - m->bounds.iwae,
            m->log_scale - m->baseline[0].log_px.mean);
    if (elbow_vae_context(model->vae))
        elbow_notice(
            "  The model's are conditional, of p(x|c); those without latents do not see what is given.");
}

/* What a predictor's latents see is c, what others' see is x. */
static void print_group(const elbow_group_measures *g, size_t index, bool predicts) {
    char name[TEXT];
    const char *sees = predicts ? "c" : "x";
    elbow_notice("  latent.%zu: %s, %zu variable%s%s%s", index, g->kind, g->variables,
                 g->variables == 1 ? "" : "s", g->layer > 0 ? ", above others" : "",
                 g->sequential ? "; each given the draws of those before it" : "");
    if (!predicts) elbow_notice("    KL             %9.3f  nats", g->kl);
    snprintf(name, sizeof name, "%zu of %zu", g->active, g->variables);
    if (g->discrete && g->active_by_kl)
        elbow_notice("    active units   %9s  with a KL of q(z|x) from the prior above 0.01 nats", name);
    else if (g->discrete)
        elbow_notice("    active units   %9s  with a KL of %s(z|%s) from its mean over %s above 0.01 nats",
                     name, predicts ? "p" : "q", sees, sees);
    else
        elbow_notice("    active units   %9s  with a variance of E[z|%s] over %s above 0.01", name, sees,
                     sees);
    if (g->discrete) {
        elbow_notice("    perplexity     %9.2f  of a variable's aggregate posterior, mean (%.2f to %.2f), of "
                     "%zu codes",
                     g->perplexity_mean, g->perplexity_least, g->perplexity_most, g->codes);
        snprintf(name, sizeof name, "%zu of %zu", g->codes_used, g->variables * g->codes);
        elbow_notice("    codes used     %9s  the most probable of some example; %zu dead", name,
                     g->variables * g->codes - g->codes_used);
    }
    if (isnan(g->information.mean)) return;
    elbow_notice("    information    %9.3f ± %.3f  nats: I(%s; z)", g->information.mean, g->information.error,
                 g->layer > 0 ? "z below" : sees);
    if (!isnan(g->aggregate_kl))
        elbow_notice("    aggregate KL   %9.3f  nats: of the mean of q(z|x) over x from the prior",
                     g->aggregate_kl);
}

static void print_latents(const elbow_measures *m, bool predicts) {
    for (size_t g = 0; g < m->groups; g++) print_group(&m->group[g], g, predicts);
    if (isnan(m->information.mean)) {
        elbow_notice("  Information is not estimated where %s is sequential.",
                     predicts ? "p(z|c)" : "q(z|x)");
        return;
    }
    if (m->groups > 1)
        elbow_notice("  all latents: information %.3f ± %.3f nats", m->information.mean,
                     m->information.error);
    if (m->groups > 1 && !isnan(m->aggregate_kl))
        elbow_notice("  all latents: aggregate KL %.3f nats", m->aggregate_kl);
    elbow_notice(
        "  Information and aggregate KL are estimated over %zu examples; no more than log %zu = %.2f nats\n"
        "  can be seen.",
        m->subset, m->subset, log((double)m->subset));
}

void elbow_cli_print_measures(const elbow_model *model, const elbow_reading *reading,
                              const elbow_measures *measures) {
    print_head(reading);
    print_bounds(model, reading, measures);
    print_notes(model, reading, measures);
    print_latents(measures, elbow_vae_predicts(model->vae));
}

/* ------------------------------------------------------------------------------------------- the file */

static elbow_status put(elbow_text *text, const char *name, double value) {
    return isnan(value) ? ELBOW_OK : elbow_text_print(text, "%s,%.17g\n", name, value);
}

static elbow_status put_of(elbow_text *text, const char *of, const char *name, double value) {
    return isnan(value) ? ELBOW_OK : elbow_text_print(text, "%s%s,%.17g\n", of, name, value);
}

/* A bound as printed: its nats, their error, and what follows. */
static elbow_status put_bound(elbow_text *text, const elbow_reading *reading, const elbow_measures *m,
                              const char *name, double nats, double error) {
    ELBOW_TRY(put(text, name, nats));
    ELBOW_TRY(put_of(text, name, "_error", error));
    if (!reading->unit) return ELBOW_OK;
    ELBOW_TRY(put_of(text, name, "_bits", bits_of(m, nats)));
    return reading->symbols ? put_of(text, name, "_perplexity", exp2(bits_of(m, nats))) : ELBOW_OK;
}

static elbow_status put_group(elbow_text *text, const elbow_group_measures *g, size_t index) {
    char of[TEXT];
    snprintf(of, sizeof of, "latent.%zu.", index);
    ELBOW_TRY(put_of(text, of, "variables", (double)g->variables));
    ELBOW_TRY(put_of(text, of, "kl", g->kl));
    ELBOW_TRY(put_of(text, of, "active", (double)g->active));
    if (g->discrete) {
        ELBOW_TRY(put_of(text, of, "codes", (double)(g->variables * g->codes)));
        ELBOW_TRY(put_of(text, of, "codes_used", (double)g->codes_used));
    }
    ELBOW_TRY(put_of(text, of, "perplexity", g->perplexity_mean));
    ELBOW_TRY(put_of(text, of, "perplexity_least", g->perplexity_least));
    ELBOW_TRY(put_of(text, of, "perplexity_most", g->perplexity_most));
    ELBOW_TRY(put_of(text, of, "information", g->information.mean));
    ELBOW_TRY(put_of(text, of, "information_error", g->information.error));
    return put_of(text, of, "aggregate_kl", g->aggregate_kl);
}

static elbow_status put_all(elbow_text *text, const elbow_reading *reading, const elbow_measures *m) {
    static const char *const baselines[ELBOW_BASELINES] = {"without_latents", "without_latents_by_position"};
    const elbow_evaluation *e = &m->bounds;
    ELBOW_TRY(elbow_text_print(text, "name,value\n"));
    ELBOW_TRY(put(text, "examples", (double)e->examples));
    ELBOW_TRY(put(text, "samples", (double)e->samples));
    ELBOW_TRY(put(text, "values", (double)m->values));
    ELBOW_TRY(put_bound(text, reading, m, "negative_elbo", -e->elbo, e->elbo_error));
    ELBOW_TRY(put(text, "negative_reconstruction", -e->reconstruction));
    ELBOW_TRY(put(text, "kl", e->kl));
    ELBOW_TRY(put_bound(text, reading, m, "negative_iwae", -e->iwae, e->iwae_error));
    ELBOW_TRY(put_bound(text, reading, m, "negative_log_p", -m->exact.mean, m->exact.error));
    ELBOW_TRY(put(text, "negative_soft_elbo", -e->soft_elbo));
    ELBOW_TRY(put(text, "temperature", e->temperature));
    if (!isnan(e->accuracy)) ELBOW_TRY(put(text, "accuracy", e->accuracy));
    for (size_t b = 0; b < m->baselines; b++)
        ELBOW_TRY(put_bound(text, reading, m, baselines[b], -m->baseline[b].log_px.mean,
                            m->baseline[b].log_px.error));
    ELBOW_TRY(put(text, "log_scale", m->log_scale));
    for (size_t g = 0; g < m->groups; g++) ELBOW_TRY(put_group(text, &m->group[g], g));
    ELBOW_TRY(put(text, "subset", (double)m->subset));
    ELBOW_TRY(put(text, "information", m->information.mean));
    ELBOW_TRY(put(text, "information_error", m->information.error));
    return put(text, "aggregate_kl", m->aggregate_kl);
}

elbow_status elbow_cli_write_measures(const char *path, const elbow_reading *reading,
                                      const elbow_measures *m) {
    elbow_text text = {0};
    elbow_status status = put_all(&text, reading, m);
    if (status == ELBOW_OK) status = elbow_text_write(&text, path);
    elbow_text_destroy(&text);
    return status;
}

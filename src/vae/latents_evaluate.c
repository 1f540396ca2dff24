/* What evaluation, and sums over all z, ask of the latents. */
#include <string.h>

#include "math/vector.h"
#include "vae/latents.h"

void elbow_latents_kl(elbow_latents *latents, const elbow_pass *pass, real *kl) {
    size_t rows = latents->rows;
    memset(kl, 0, rows * sizeof *kl);
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++) {
            elbow_group *group = &latents->layers[i].groups[g];
            elbow_group_kl(group, pass, group->discrete_divergence, rows, 0);
            elbow_add(kl, group->kl, rows);
        }
}

bool elbow_latents_closed(const elbow_latents *latents) {
    if (latents->predictor) return true;
    bool closed = latents->count == 1;
    for (size_t g = 0; closed && g < latents->layers[0].count; g++) {
        const elbow_group *group = &latents->layers[0].groups[g];
        closed = group->discrete_divergence == ELBOW_KL_CLOSED && group->posterior->condition == NULL &&
                 group->prior->condition == NULL;
    }
    return closed;
}

const char *elbow_latents_kl_words(const elbow_latents *latents, bool training) {
    bool sampled = false, relaxed = false, sequential = latents->count > 1;
    if (latents->predictor) return "none: z is drawn from the model's own p(z|c)";
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++) {
            const elbow_group *group = &latents->layers[i].groups[g];
            elbow_divergence how = training ? group->divergence : group->discrete_divergence;
            sampled = sampled || how == ELBOW_KL_SAMPLED;
            relaxed = relaxed || how == ELBOW_KL_RELAXED;
            sequential = sequential || group->posterior->condition || group->prior->condition;
        }
    if (relaxed) return "estimated from the draws, by the densities of relaxed variables";
    if (sampled) return "estimated from the draws";
    return sequential ? "in closed form for each variable, given draws of those before it" : "in closed form";
}

/* Values that one variable of a group can have. */
static size_t values_of(const elbow_group *group) { return group->z_size > 1 ? group->categories : 2; }

size_t elbow_latents_configurations(const elbow_latents *latents, size_t most) {
    size_t count = 1;
    if (latents->count != 1) return 0;
    for (size_t g = 0; g < latents->layers[0].count; g++) {
        const elbow_group *group = &latents->layers[0].groups[g];
        if (!group->latent->discrete) return 0;
        for (size_t l = 0; l < group->variables; l++) {
            if (count > most / values_of(group)) return 0;
            count *= values_of(group);
        }
    }
    return count;
}

/* z of configuration c: its digits, the first variable's the lowest, in the bases of the variables. */
static void write_configuration(const elbow_stochastic *layer, real *z, size_t c) {
    memset(z, 0, layer->z_width * sizeof *z);
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_group *group = &layer->groups[g];
        size_t K = values_of(group);
        for (size_t l = 0; l < group->variables; l++, c /= K, z += group->z_size)
            if (group->z_size > 1)
                z[c % K] = 1;
            else
                z[0] = (real)(c % K);
    }
}

const real *elbow_latents_enumerate(elbow_latents *latents, const elbow_pass *pass) {
    elbow_stochastic *layer = &latents->layers[0];
    for (size_t r = 0; r < latents->rows; r++)
        write_configuration(layer, latents->configurations + r * layer->z_width, r / latents->batch);
    elbow_stochastic_force(layer, pass, latents->configurations, true);
    elbow_latents_condition(latents, pass);
    return latents->z = elbow_stochastic_z(layer);
}

void elbow_latents_forward_prior(elbow_latents *latents, const elbow_pass *pass, const real *context,
                                 size_t batch) {
    latents->batch = latents->rows = latents->layers[0].batch = batch;
    latents->samples = latents->layers[0].samples = 1;
    latents->context = context;
    elbow_latents_prior(latents, pass, 0, false);
}

const real *elbow_latents_set(elbow_latents *latents, const elbow_pass *pass, size_t configuration,
                              real *log_p) {
    elbow_stochastic *layer = &latents->layers[0];
    for (size_t r = 0; r < latents->rows; r++)
        write_configuration(layer, latents->configurations + r * layer->z_width, configuration);
    elbow_stochastic_force(layer, pass, latents->configurations, latents->predictor);
    memset(log_p, 0, latents->rows * sizeof *log_p);
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        if (group->prior->condition) group->prior->condition(group, pass, latents->rows);
        elbow_group_log_p(group, pass, latents->scratch, latents->rows, 0);
        elbow_add(log_p, latents->scratch, latents->rows);
    }
    return latents->z = elbow_stochastic_z(layer);
}

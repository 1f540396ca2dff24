/* What a trained model makes, and what its latents are. */
#include "vae/vae_inside.h"

const real *elbow_vae_give(elbow_vae *vae, const elbow_values *context, size_t rows) {
    if (vae->given_width == 0) return NULL;
    elbow_values_write_input(context, vae->given, vae->given_width, 0, rows);
    return vae->given;
}

void elbow_vae_run_decoder(elbow_vae *vae, const elbow_pass *pass, const real *z, size_t rows) {
    elbow_net_input input = {
        .x = z, .given = vae->given_width ? vae->given : NULL, .rows = rows, .batch = vae->latents.batch};
    vae->decoded = elbow_net_forward(vae->decoder, pass, &input);
}

static void generate(elbow_vae *vae, const elbow_pass *pass, const real *z, size_t rows,
                     elbow_examples *examples, size_t first, real temperature) {
    elbow_vae_run_decoder(vae, pass, z, rows);
    vae->likelihood.ops->generate(&vae->likelihood, pass, examples, first, vae->decoded, rows, temperature);
}

void elbow_vae_reconstruct(elbow_vae *vae, const elbow_pass *pass, elbow_examples *examples, size_t first,
                           real temperature) {
    const real *z = elbow_latents_sample(&vae->latents, pass);
    generate(vae, pass, z, vae->batch->rows, examples, first, temperature);
}

void elbow_vae_sample(elbow_vae *vae, const elbow_pass *pass, const elbow_values *context, size_t rows,
                      elbow_examples *examples, size_t first, real temperature) {
    const real *z = NULL;
    if (vae->predictor) {
        elbow_vae_infer(vae, pass, NULL, context, rows, 1);
        z = elbow_latents_sample(&vae->latents, pass);
    } else {
        z = elbow_latents_sample_prior(&vae->latents, pass, elbow_vae_give(vae, context, rows), rows);
    }
    generate(vae, pass, z, rows, examples, first, temperature);
}

void elbow_vae_decode(elbow_vae *vae, const elbow_pass *pass, const real *z, const elbow_values *context,
                      size_t rows, elbow_examples *examples, size_t first, real temperature) {
    vae->latents.batch = vae->latents.rows = rows;
    elbow_vae_give(vae, context, rows);
    generate(vae, pass, z, rows, examples, first, temperature);
}

size_t elbow_vae_groups(const elbow_vae *vae) { return vae->latents.groups; }

elbow_latent_view elbow_vae_group(const elbow_vae *vae, size_t index) {
    size_t layer = 0, column = 0;
    while (index >= vae->latents.layers[layer].count) index -= vae->latents.layers[layer++].count;
    const elbow_group *groups = vae->latents.layers[layer].groups, *group = &groups[index];
    for (size_t g = 0; g < index; g++) column += groups[g].z_width;
    return (elbow_latent_view){
        .kind = group->latent->name,
        .discrete = group->latent->discrete,
        .layer = layer,
        .decoded = layer == vae->latents.out,
        .variables = group->variables,
        .categories = group->categories ? group->categories : 1,
        .q_size = group->q_size,
        .z_size = group->z_size,
        .column = column,
        .q = group->q,
        .z = group->z,
        .sequential = group->posterior->condition != NULL,
        .p = group->prior->own_family && !group->prior->mirror ? group->p : NULL,
        .kl = group->kl,
    };
}

bool elbow_vae_relaxes(const elbow_vae *vae) {
    for (size_t g = 0; g < vae->latents.groups; g++)
        if (elbow_vae_group(vae, g).discrete) return !vae->estimator.ops->unrelaxed;
    return false;
}

size_t elbow_vae_z_width(const elbow_vae *vae) { return elbow_latents_width(&vae->latents); }
const real *elbow_vae_z(const elbow_vae *vae) { return vae->latents.z; }

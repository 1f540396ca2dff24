#include "elbow/train/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/baseline.h"
#include "train/blocks.h"
#include "train/bounds.h"
#include "train/information.h"
#include "train/usage.h"

enum { BLOCK = ELBOW_EVALUATE_BLOCK };

/* Sums over a block's examples, or over a part of them. `subset` is of those that information is of. */
typedef struct block_row {
    elbow_bound_sums bounds;
    double exact, exact_square, log_scale, values;
    double baseline[ELBOW_BASELINES], baseline_square[ELBOW_BASELINES];
    double subset_kl;
} block_row;

typedef struct measuring {
    elbow_vae *vae;
    const elbow_measure_request *request;
    uint64_t seed;
    elbow_bounds_request draws;
    elbow_arena *arena;
    elbow_blocks blocks;
    elbow_bounds bounds;
    elbow_baseline baseline;
    elbow_usage usage;
    elbow_information information;
    size_t block, done, group_count;
    real *exact;          /* (BLOCK) */
    double *log_px;       /* (BLOCK) */
    double *group_kl;     /* (BLOCK, groups): sums over draws */
    block_row *own, *all; /* (this rank's blocks), (blocks) */
    double *own_sums,
        *sums; /* the same, of usage.width numbers each, then, of each group, Σ KL, all and of the subset */
    size_t sums_width;
    elbow_figure *figures; /* (groups + 1) */
} measuring;

static elbow_status create_local(measuring *m, elbow_world *world, const elbow_view *view) {
    elbow_arena *arena = m->arena;
    ELBOW_TRY(elbow_blocks_create(&m->blocks, world, view, m->vae, m->request->split, m->seed, arena));
    m->group_count = elbow_vae_groups(m->vae);
    ELBOW_TRY(elbow_bounds_reserve(&m->bounds, m->vae, arena));
    ELBOW_TRY(elbow_usage_create(&m->usage, m->vae, arena));
    ELBOW_TRY(elbow_information_create(&m->information, m->vae, &m->blocks, arena));
    m->sums_width = m->usage.width + 2 * m->group_count;
    ELBOW_TRY(elbow_arena_reals(arena, BLOCK, &m->exact));
    ELBOW_TRY(elbow_arena_take(arena, BLOCK, sizeof *m->log_px, &m->log_px));
    ELBOW_TRY(elbow_arena_take(arena, BLOCK * m->group_count, sizeof *m->group_kl, &m->group_kl));
    ELBOW_TRY(elbow_arena_take(arena, m->blocks.count, sizeof *m->own, &m->own));
    ELBOW_TRY(elbow_arena_take(arena, m->blocks.blocks, sizeof *m->all, &m->all));
    ELBOW_TRY(elbow_arena_take(arena, m->blocks.count * m->sums_width, sizeof *m->sums, &m->own_sums));
    ELBOW_TRY(elbow_arena_take(arena, m->blocks.blocks * m->sums_width, sizeof *m->sums, &m->sums));
    return elbow_arena_take(arena, m->group_count + 1, sizeof *m->figures, &m->figures);
}

/* After each exact draw. */
static void drawn(void *context, size_t draw, size_t rows, bool diverged) {
    measuring *m = context;
    if (draw == 0) {
        elbow_usage_add(&m->usage, m->vae, rows, m->own_sums + m->block * m->sums_width);
        elbow_information_keep(&m->information, m->vae, (m->blocks.first + m->block) * BLOCK, rows);
    }
    for (size_t g = 0; diverged && g < m->group_count; g++) {
        const real *kl = elbow_vae_group(m->vae, g).kl;
        for (size_t r = 0; r < rows; r++) m->group_kl[r * m->group_count + g] += (double)kl[r];
    }
    m->done++;
    if (m->request->progress) m->request->progress(m->done, m->blocks.count * m->request->samples);
}

static void sum_group_kl(measuring *m, size_t rows) {
    double *sums = m->own_sums + m->block * m->sums_width + m->usage.width;
    double draws = elbow_vae_kl_closed(m->vae) ? 1 : (double)m->request->samples;
    size_t first = (m->blocks.first + m->block) * BLOCK, G = m->group_count;
    for (size_t r = 0; r < rows; r++) {
        bool subset = elbow_information_has(&m->information, first + r);
        for (size_t g = 0; g < G; g++) {
            double kl = m->group_kl[r * G + g] / draws;
            sums[g] += kl;
            if (subset) sums[G + g] += kl;
        }
        if (subset) m->own[m->block].subset_kl += m->bounds.kl[r];
    }
}

/* Values that are there, and Σ log scale of the real ones. */
static void count_values(block_row *row, const elbow_values *x, size_t rows) {
    const elbow_field *field = x->field;
    if (field->kind == ELBOW_SEQUENCE) row->values += (double)x->begin[x->steps];
    if (field->kind == ELBOW_IMAGE) row->values += (double)(rows * field->dimensions);
    if (field->kind != ELBOW_TABLE) return;
    for (size_t r = 0; r < rows; r++)
        for (size_t d = 0; d < field->dimensions; d++) {
            if (isnan(x->reals[r * field->dimensions + d])) continue;
            row->values++;
            if (field->columns[d].cardinality == 0) row->log_scale += log(field->columns[d].scale);
        }
}

static void measure_block(measuring *m, elbow_pass *pass, bool exact) {
    block_row *row = &m->own[m->block];
    size_t rows = elbow_blocks_read(&m->blocks, pass, m->block);
    memset(m->group_kl, 0, rows * m->group_count * sizeof *m->group_kl);
    elbow_bounds_find(&m->bounds, m->vae, pass, &m->blocks.batch, &m->draws);
    row->bounds = elbow_bounds_sum(&m->bounds, rows);
    sum_group_kl(m, rows);
    count_values(row, &m->blocks.batch.x, rows);
    for (size_t b = 0; b < m->baseline.count; b++) {
        elbow_baseline_log_px(&m->baseline, b, m->log_px, &m->blocks.batch.x, rows);
        for (size_t r = 0; r < rows; r++) {
            row->baseline[b] += m->log_px[r];
            row->baseline_square[b] += m->log_px[r] * m->log_px[r];
        }
    }
    if (!exact) return;
    elbow_vae_exact(m->vae, pass, &m->blocks.batch, m->exact);
    for (size_t r = 0; r < rows; r++) {
        row->exact += (double)m->exact[r];
        row->exact_square += (double)m->exact[r] * (double)m->exact[r];
    }
}

/* Sums over all blocks in their order. */
static block_row sum_blocks(measuring *m) {
    block_row total = {0};
    for (size_t b = 0; b < m->blocks.blocks; b++) {
        const block_row *row = &m->all[b];
        total.exact += row->exact;
        total.exact_square += row->exact_square;
        total.log_scale += row->log_scale;
        total.values += row->values;
        total.subset_kl += row->subset_kl;
        for (size_t i = 0; i < ELBOW_BASELINES; i++) {
            total.baseline[i] += row->baseline[i];
            total.baseline_square[i] += row->baseline_square[i];
        }
        for (size_t c = 0; b > 0 && c < m->sums_width; c++) m->sums[c] += m->sums[b * m->sums_width + c];
    }
    return total;
}

static elbow_figure figure_of(double sum, double square, double n) {
    return (elbow_figure){sum / n, elbow_standard_error(sum, square, n)};
}

/* Information and what follows from it. */
static void write_information(const measuring *m, elbow_measures *measures, double subset_kl) {
    size_t G = m->group_count;
    const double *subset = m->sums + m->usage.width + G;
    bool plain = true, given = elbow_vae_context(m->vae) != NULL;
    for (size_t g = 0; g < G; g++) plain = plain && elbow_vae_group(m->vae, g).layer == 0;
    measures->subset = m->information.M;
    measures->information = m->figures[G];
    measures->aggregate_kl = given ? NAN : subset_kl / (double)m->information.M - m->figures[G].mean;
    for (size_t g = 0; g < G; g++) {
        elbow_group_measures *group = &measures->group[g];
        group->kl = m->sums[m->usage.width + g] / (double)m->blocks.examples;
        group->information = m->figures[g];
        group->aggregate_kl =
            plain && !given ? subset[g] / (double)m->information.M - m->figures[g].mean : NAN;
    }
}

static elbow_status write_measures(measuring *m, elbow_measures *measures, bool exact) {
    size_t examples = m->blocks.examples;
    double n = (double)examples;
    elbow_bounds_mean(&measures->bounds, &m->all->bounds, m->blocks.blocks, sizeof *m->all, examples,
                      &m->draws);
    block_row total = sum_blocks(m);
    measures->group = calloc(m->group_count, sizeof *measures->group);
    ELBOW_CHECK(measures->group != NULL, ELBOW_MEMORY, "no memory for the measures of the latents");
    measures->groups = m->group_count;
    measures->exact = exact ? figure_of(total.exact, total.exact_square, n) : (elbow_figure){NAN, NAN};
    measures->configurations = elbow_vae_configurations(m->vae);
    measures->values = (size_t)total.values;
    measures->log_scale = total.log_scale / n;
    measures->baselines = m->baseline.count;
    for (size_t b = 0; b < m->baseline.count; b++) {
        measures->baseline[b].words = m->baseline.words[b];
        measures->baseline[b].log_px = figure_of(total.baseline[b], total.baseline_square[b], n);
    }
    elbow_usage_finish(&m->usage, m->vae, m->sums, examples, measures->group);
    write_information(m, measures, total.subset_kl);
    return ELBOW_OK;
}

static elbow_status run(measuring *m, elbow_measures *measures, const real *parameters) {
    bool exact = m->request->exact && elbow_vae_configurations(m->vae) > 0;
    elbow_pass pass = elbow_blocks_pass(&m->blocks, parameters);
    for (m->block = 0; m->block < m->blocks.count; m->block++) measure_block(m, &pass, exact);
    ELBOW_TRY(elbow_blocks_gather(&m->blocks, m->all, m->own, sizeof *m->all));
    ELBOW_TRY(elbow_blocks_gather(&m->blocks, m->sums, m->own_sums, m->sums_width * sizeof *m->sums));
    ELBOW_TRY(elbow_information_find(&m->information, m->vae, &m->blocks, m->figures));
    return elbow_world_agree(m->blocks.world, write_measures(m, measures, exact));
}

elbow_status elbow_measure(elbow_measures *measures, elbow_world *world, const elbow_view *view,
                           elbow_vae *vae, const elbow_options *options, const real *parameters,
                           const elbow_measure_request *request) {
    measuring m = {.vae = vae, .request = request, .seed = (uint64_t)options->run.seed};
    size_t train = elbow_dataset_count(view->dataset, ELBOW_TRAIN);
    *measures = (elbow_measures){0};
    measures->train_examples = request->limit > 0 && request->limit < train ? request->limit : train;
    m.draws = (elbow_bounds_request){.samples = request->samples,
                                     .temperature = elbow_vae_relaxes(vae) ? request->temperature : 0,
                                     .iwae = true,
                                     .drawn = drawn,
                                     .context = &m};
    elbow_status status = elbow_arena_create(&m.arena);
    if (status == ELBOW_OK) status = create_local(&m, world, view);
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK)
        status =
            elbow_baseline_create(&m.baseline, world, view, vae, options, measures->train_examples, m.arena);
    if (status == ELBOW_OK) status = run(&m, measures, parameters);
    elbow_arena_destroy(&m.arena);
    return status;
}

void elbow_measures_destroy(elbow_measures *measures) {
    free(measures->group);
    *measures = (elbow_measures){0};
}

/* The drawing under `elbow watch`: letters in cells, ranges, ticks, curves, frames of any size. The program's sources
 * are in no library, so they are part of this test. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/canvas.c"
#include "cli/fields.c"
#include "cli/plot.c"
#include "cli/watch_curves.c"
#include "cli/watch_view.c"
#include "cli/watched.c"

static const elbow_canvas_style utf8 = {true, false}, ascii = {false, false};

static void assert_near(double value, double expected, double most) {
    if (!(fabs(value - expected) <= most)) fail_msg("%.17g is not %.17g", value, expected);
}

/* Row y as text; at most four rows are kept at a time. */
static const char *row(const elbow_canvas *canvas, int y, elbow_canvas_style style) {
    static char rows[4][2048];
    static int turn;
    elbow_text text = {0};
    char *out = rows[turn++ % 4];
    assert_int_equal(elbow_canvas_row(canvas, y, style, &text), ELBOW_OK);
    assert_true(text.length < sizeof *rows);
    if (text.length > 0) memcpy(out, text.bytes, text.length);
    out[text.length] = '\0';
    elbow_text_destroy(&text);
    return out;
}

static elbow_canvas blank(int width, int height) {
    elbow_canvas canvas;
    assert_int_equal(elbow_canvas_create(&canvas, width, height), ELBOW_OK);
    return canvas;
}

static void puts_text_in_cells(void **state) {
    (void)state;
    elbow_canvas canvas = blank(8, 1);
    assert_int_equal(elbow_canvas_put(&canvas, 0, 0, 8, ELBOW_INK_PLAIN, "\033[31m\t\x7f"), 7);
    assert_string_equal(row(&canvas, 0, utf8), "?[31m??"); /* nothing that steers */
    elbow_canvas_put(&canvas, 0, 0, 8, ELBOW_INK_PLAIN, "12345678");
    assert_string_equal(row(&canvas, 0, utf8), "12345678");
    elbow_canvas_put(&canvas, 0, 0, 8, ELBOW_INK_PLAIN, "abcdefghi");
    assert_string_equal(row(&canvas, 0, utf8), "abcdefg…");
    assert_string_equal(row(&canvas, 0, ascii), "abcdefg.");
    assert_int_equal(elbow_canvas_put(&canvas, 0, 0, 8, ELBOW_INK_PLAIN,
                                      "\xe6\xbc\xa2x\xff\xc3 \xc2\x9b"
                                      "31m"),
                     8);
    assert_string_equal(row(&canvas, 0, utf8), "\xe6\xbc\xa2x?? ?…"); /* double width, bad bytes, C1 */
    assert_string_equal(row(&canvas, 0, ascii), "??x?? ?.");
    elbow_canvas_put(&canvas, 20, 0, 8, ELBOW_INK_PLAIN, "outside");
    elbow_canvas_put(&canvas, 0, 5, 8, ELBOW_INK_PLAIN, "outside");
    assert_int_equal(elbow_canvas_width_of("-ELBO 1 ± 2"), 11);
    elbow_canvas_destroy(&canvas);
}

static void colours_and_blanks(void **state) {
    (void)state;
    elbow_canvas canvas = blank(6, 2), other = blank(6, 2);
    elbow_canvas_put(&canvas, 0, 0, 6, ELBOW_INK_RED, "ab");
    elbow_canvas_put(&canvas, 3, 0, 6, ELBOW_INK_PLAIN, "c");
    assert_string_equal(row(&canvas, 0, (elbow_canvas_style){true, true}), "\033[0;31mab \033[0mc");
    assert_string_equal(row(&canvas, 0, utf8), "ab c");
    assert_string_equal(row(&canvas, 1, utf8), "");
    assert_false(elbow_canvas_same_row(&canvas, &other, 0));
    assert_true(elbow_canvas_same_row(&canvas, &other, 1));
    elbow_canvas_put(&other, 0, 0, 6, ELBOW_INK_BLUE,
                     "ab c"); /* the same text in another ink is not the same */
    assert_false(elbow_canvas_same_row(&canvas, &other, 0));
    elbow_canvas_destroy(&canvas);
    elbow_canvas_destroy(&other);
}

static void dots_add_up(void **state) {
    (void)state;
    elbow_canvas canvas = blank(4, 1);
    elbow_canvas_dot(&canvas, 0, 0, ELBOW_INK_PLAIN); /* U+2801 */
    elbow_canvas_dot(&canvas, 2, 3, ELBOW_INK_PLAIN); /* U+2840 */
    for (int i = 0; i < 8; i++) elbow_canvas_dot(&canvas, 4 + i % 2, i / 2, ELBOW_INK_PLAIN);
    elbow_canvas_dot(&canvas, -1, 0, ELBOW_INK_PLAIN);
    elbow_canvas_dot(&canvas, 8, 0, ELBOW_INK_PLAIN);
    assert_string_equal(row(&canvas, 0, utf8), "⠁⡀⣿");
    assert_string_equal(row(&canvas, 0, ascii), "'.:");
    elbow_canvas_destroy(&canvas);
}

static void bars_have_eighths(void **state) {
    (void)state;
    static const struct {
        double share;
        const char *text;
    } cases[] = {{0, ""},         {1, "████"},     {2, "████"}, {0.5, "██"},
                 {1.0 / 32, "▏"}, {0.46875, "█▉"}, {-1, ""},    {NAN, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbow_canvas canvas = blank(6, 1);
        elbow_canvas_bar(&canvas, 0, 0, 4, ELBOW_INK_PLAIN, cases[i].share);
        assert_string_equal(row(&canvas, 0, utf8), cases[i].text);
        elbow_canvas_destroy(&canvas);
    }
}

/* ----------------------------------------------------------------------------------- ranges, ticks */

static elbow_range range_of(elbow_range_kind kind, const double *y, size_t count) {
    static double x[1000];
    elbow_range range;
    for (size_t i = 0; i < count; i++) x[i] = (double)i;
    const elbow_series series = {.x = x, .y = y, .count = count};
    assert_int_equal(elbow_range_of(&range, kind, &series, 1), ELBOW_OK);
    assert_true(isfinite(range.low) && isfinite(range.high) && range.low < range.high);
    return range;
}

static void ranges_hold_what_matters(void **state) {
    (void)state;
    double y[400];
    for (int i = 0; i < 400; i++) y[i] = 100 + 450 * exp(-i / 8.0) + (i % 7) * 0.5;
    elbow_range all = range_of(ELBOW_RANGE_ALL, y, 400), robust = range_of(ELBOW_RANGE_ROBUST, y, 400);
    assert_true(all.high > 550 && all.above == 0);
    assert_true(robust.high < 120 && robust.high > 103 && robust.low <= 100);
    assert_near(robust.above, 550, 1e-9); /* what is cut off is known */
    y[300] = 1e6;                         /* one spike does not flatten the rest */
    robust = range_of(ELBOW_RANGE_ROBUST, y, 400);
    assert_true(robust.high < 130 && robust.above == 1e6);
    y[300] = NAN, y[301] = INFINITY, y[302] = -INFINITY; /* nor does what is no number */
    robust = range_of(ELBOW_RANGE_ROBUST, y, 400);
    assert_true(robust.high < 130 && robust.low > 90);
    elbow_range zero = range_of(ELBOW_RANGE_ZERO, y, 300);
    assert_near(zero.low, 0, 0);

    const double flat[] = {3, 3, 3}, none[] = {NAN, INFINITY}, wide[] = {-1e308, 1e308}, nought[] = {0, 0};
    range_of(ELBOW_RANGE_ROBUST, flat, 3);
    range_of(ELBOW_RANGE_ROBUST, none, 2);
    range_of(ELBOW_RANGE_ZERO, wide, 2);
    range_of(ELBOW_RANGE_ZERO, nought, 2);
    assert_true(range_of(ELBOW_RANGE_LOG, flat, 3).logarithmic);
    assert_false(range_of(ELBOW_RANGE_LOG, wide, 2).logarithmic); /* no logarithm below 0 */
    range_of(ELBOW_RANGE_ALL, flat, 0);
}

static void expect_ticks(double low, double high, bool logarithmic, size_t most, const char *expected) {
    char line_of[256] = "", text[ELBOW_TICK_BYTES];
    const elbow_range range = {.low = low, .high = high, .logarithmic = logarithmic};
    elbow_ticks ticks = elbow_ticks_of(&range, most);
    for (size_t i = 0; i < ticks.count; i++) {
        elbow_tick_text(text, ticks.values[i], ticks.spacing);
        snprintf(line_of + strlen(line_of), sizeof line_of - strlen(line_of), "%s%s", i ? " " : "", text);
    }
    assert_string_equal(line_of, expected);
}

static void ticks_are_round(void **state) {
    (void)state;
    expect_ticks(0, 100, false, 6, "0 20 40 60 80 100");
    expect_ticks(0, 2400, false, 4, "0 1000 2000");
    expect_ticks(118.3, 196.1, false, 5, "120 140 160 180");
    expect_ticks(0.93, 1.002, false, 4, "0.94 0.96 0.98 1.00");
    expect_ticks(-3, 3, false, 4, "-2 0 2");
    expect_ticks(0, 60000, false, 4, "0 20k 40k 60k");
    expect_ticks(0, 3.2e6, false, 4, "0 1M 2M 3M"); /* not 1000k */
    expect_ticks(0, 0.00001, false, 3, "0 5e-6 1e-5");
    expect_ticks(1e-4, 1e-3, true, 5, "1e-4 2e-4 5e-4 0.001");
    expect_ticks(1, 1000, true, 4, "1 10 100 1000");
    expect_ticks(100, 190, true, 4, "100 150"); /* less than a decade: as a linear axis has them */
    /* Any range gives at least one tick, and all of them inside. */
    static const double ends[][2] = {
        {1e300, 1.1e300}, {1, 1 + 1e-12}, {-1e-300, 1e-300}, {1e-320, 1}, {-1e300, 1e300}};
    for (size_t e = 0; e < sizeof ends / sizeof *ends; e++)
        for (size_t most = 1; most < 20; most++)
            for (int l = 0; l <= (ends[e][0] > 0); l++) {
                const elbow_range range = {.low = ends[e][0], .high = ends[e][1], .logarithmic = l};
                elbow_ticks ticks = elbow_ticks_of(&range, most);
                assert_true(ticks.count >= 1 && ticks.count <= (most > ELBOW_TICKS ? ELBOW_TICKS : most));
                for (size_t i = 0; i < ticks.count; i++) {
                    double place = elbow_range_place(&range, ticks.values[i]);
                    if (!(place > -0.01 && place < 1.01))
                        fail_msg("%g .. %g: a tick at %g", range.low, range.high, ticks.values[i]);
                }
            }
}

/* ----------------------------------------------------------------------------------------- curves */

static void curves_go_where_values_are(void **state) {
    (void)state;
    elbow_canvas canvas = blank(6, 4);
    const double x[] = {0, 5, 11}, down[] = {15, 10, 0}, wild[] = {NAN, 1e300, -1e300};
    const elbow_frame frame = {2, 0, 4, 2, {.low = 0, .high = 11}, {.low = 0, .high = 15}};
    elbow_plot_series(&canvas, &frame, &(elbow_series){.x = x, .y = down, .count = 3});
    assert_string_equal(row(&canvas, 0, utf8), "  ⠑⠢⡀");
    assert_string_equal(row(&canvas, 1, utf8), "    ⠘⢄"); /* the last value is at the very corner */
    elbow_canvas_destroy(&canvas);
    /* Negated, it goes up; far away, it stays inside. */
    canvas = blank(6, 4);
    const elbow_frame under = {2, 0, 4, 2, {.low = 0, .high = 11}, {.low = -15, .high = 0}};
    elbow_plot_series(&canvas, &under, &(elbow_series){.x = x, .y = down, .count = 3, .negate = true});
    assert_string_not_equal(row(&canvas, 0, ascii), "");
    assert_string_equal(row(&canvas, 2, ascii), "");
    elbow_plot_series(&canvas, &frame, &(elbow_series){.x = x, .y = wild, .count = 3});
    assert_string_equal(row(&canvas, 2, ascii), "");
    assert_string_equal(row(&canvas, 3, ascii), "");
    elbow_canvas_destroy(&canvas);
    /* Markers, as long as they stay apart; none where the value lies outside. */
    canvas = blank(20, 2);
    const elbow_frame wide = {0, 0, 20, 2, {.low = 0, .high = 11}, {.low = 0, .high = 15}};
    elbow_plot_series(&canvas, &wide,
                      &(elbow_series){.x = x, .y = down, .count = 3, .points = true, .mark = 0x2022});
    assert_string_equal(row(&canvas, 0, ascii), "o        o");
    assert_string_equal(row(&canvas, 1, ascii), "                   o");
    elbow_plot_mark(&canvas, &wide, 3, 99, ELBOW_INK_PLAIN, 0x2605);
    elbow_plot_mark(&canvas, &wide, NAN, 3, ELBOW_INK_PLAIN, 0x2605);
    assert_null(strchr(row(&canvas, 0, ascii), '*'));
    elbow_canvas_destroy(&canvas);
}

static void sparks_rise(void **state) {
    (void)state;
    elbow_canvas canvas = blank(8, 1);
    double x[8], y[8];
    for (int i = 0; i < 8; i++) x[i] = i + 1, y[i] = i;
    elbow_plot_spark(&canvas, 0, 0, 8, &(elbow_series){.x = x, .y = y, .count = 8});
    assert_string_equal(row(&canvas, 0, utf8), "▁▂▃▄▅▆▇█");
    elbow_plot_spark(&canvas, 0, 0, 8, &(elbow_series){.x = x, .y = y, .count = 0});
    elbow_canvas_destroy(&canvas);
}

/* ----------------------------------------------------------------------------------------- frames */

/* A run as it would be read, with every column, a straggler, an evaluation every fifth row, an event. */
static void make_run(elbow_watched *run, size_t rows) {
    *run = (elbow_watched){.directory = "runs/a",
                           .word = "running",
                           .reason = "from step 0 on 4 ranks",
                           .run_steps = 2000,
                           .checkpoint_step = -1,
                           .best_link_step = -1};
    assert_int_equal(elbow_metrics_create(&run->metrics), ELBOW_OK);
    for (size_t r = 0; r < rows; r++) {
        double value = 100 + 400 / (1.0 + (double)r), step = 20.0 * (double)(r + 1);
        const double train[] = {
            step, step / 200, step / 10, -value, -value, -value + 9,   9,    3,    1 - 1e-3 * (double)r,
            1,    1e-3,       5000,      1e-4,   3e-3,   4e-3,         1e-3, 1e-3, 0,
            7e-3, 9e-3,       3,         4,      8e3,    r ? 2e3 : NAN};
        const double test[] = {step, step / 200, step / 10, ELBOW_TEST, 1, -value - 5, 0.4,
                               -90,  11,         -99,       -80,        1, -value,     NAN};
        const double event[] = {step, step / 10, 1, step, 2, 17, NAN, NAN};
        assert_int_equal(elbow_table_append(&run->metrics.train, train), ELBOW_OK);
        if (r % 5 == 4) assert_int_equal(elbow_table_append(&run->metrics.evaluation, test), ELBOW_OK);
        if (r == 7) assert_int_equal(elbow_table_append(&run->metrics.events, event), ELBOW_OK);
    }
}

static void add_look(elbow_watched *run) {
    const double row[] = {1000, 1000, 100, 600, 100, -112, 0.5, -101, 11, -110, 0.4};
    assert_int_equal(elbow_table_append(&run->metrics.test, row), ELBOW_OK);
}

static void figures_come_from_the_tables(void **state) {
    (void)state;
    elbow_watched run;
    make_run(&run, 50);
    assert_int_equal(elbow_watched_split(&run), ELBOW_TEST);
    assert_near(elbow_watched_best(&run, ELBOW_TEST).value, 113, 1e-9);
    assert_near(elbow_watched_best(&run, ELBOW_TEST).step, 1000, 0);
    assert_near(elbow_watched_left(&run), 100, 1e-9); /* 1,000 steps, ten a second */
    elbow_straggler straggler = elbow_watched_straggler(&run);
    assert_int_equal(straggler.rank, 3);
    assert_near(straggler.excess, 8.0 / 19, 1e-9);
    assert_near(straggler.share, 1, 1e-9);
    elbow_watched_destroy(&run);
    make_run(&run, 0);
    assert_true(isnan(elbow_watched_left(&run)) && isnan(elbow_watched_last(&run, "elbo")));
    assert_int_equal(elbow_watched_straggler(&run).rank, -1);
    elbow_watched_destroy(&run);
}

static bool says(const elbow_canvas *canvas, const char *text) {
    for (int y = 0; y < canvas->height; y++)
        if (strstr(row(canvas, y, ascii), text) != NULL) return true;
    return false;
}

static void frames_of_any_size(void **state) {
    (void)state;
    static const size_t rows[] = {0, 1, 2, 50};
    static const elbow_view_style styles[] = {{false, true, true, 0}, {true, false, false, 1e6}};
    for (size_t r = 0; r < 4; r++) {
        elbow_watched run;
        make_run(&run, rows[r]);
        if (r % 2 == 1) add_look(&run);
        for (int height = 1; height < 70; height += height < 30 ? 1 : 13)
            for (int width = 1; width < 210; width += width < 20 ? 3 : 19)
                for (size_t s = 0; s < 2; s++) {
                    elbow_canvas canvas = blank(width, height);
                    assert_int_equal(elbow_watch_draw(&canvas, &run, &styles[s]), ELBOW_OK);
                    if (width >= 20) assert_true(says(&canvas, "runs/a"));
                    elbow_canvas_destroy(&canvas);
                }
        elbow_watched_destroy(&run);
    }
}

static void frame_says_what_there_is(void **state) {
    (void)state;
    elbow_watched run;
    elbow_canvas canvas = blank(80, 24);
    make_run(&run, 50);
    run.news = 1000;
    assert_int_equal(elbow_watch_draw(&canvas, &run, &(elbow_view_style){.now = 1030}), ELBOW_OK);
    static const char *const texts[] = {"runs/a  running  from step 0 on 4 ranks",
                                        "step 1,000 of 2,000",
                                        "50.0 %",
                                        "1:40 left",
                                        "train 108.00",
                                        "test 113.00",
                                        "KL  9.00  test 11.00",
                                        "examples/s  5000",
                                        "temperature",
                                        "rank 3 straggles: the slowest computes 42 % longer than the others",
                                        "1 step not finite; the last after step 160: skipped",
                                        "estimator 44 %",
                                        "none yet",
                                        "cut off: up to 500"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!says(&canvas, texts[i])) fail_msg("the frame does not say \"%s\"", texts[i]);
    assert_false(says(&canvas, "beta")); /* what never changes has no curve */
    assert_false(says(&canvas, "no news"));
    elbow_canvas_destroy(&canvas);
    canvas = blank(80, 24);
    assert_int_equal(elbow_watch_draw(&canvas, &run, &(elbow_view_style){.now = 1000 + 7 * 60}), ELBOW_OK);
    assert_true(says(&canvas, "running?") && says(&canvas, "no news for 7 min"));
    elbow_canvas_destroy(&canvas);
    canvas = blank(80, 24);
    add_look(&run);
    assert_int_equal(elbow_watch_draw(&canvas, &run, &(elbow_view_style){.now = 1030}), ELBOW_OK);
    assert_true(says(&canvas, "test        step 1,000: -ELBO 112.00 ") && says(&canvas, "IWAE-100 110.00 "));
    elbow_canvas_destroy(&canvas);
    elbow_watched_destroy(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_text_in_cells),
        cmocka_unit_test(colours_and_blanks),
        cmocka_unit_test(dots_add_up),
        cmocka_unit_test(bars_have_eighths),
        cmocka_unit_test(ranges_hold_what_matters),
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(curves_go_where_values_are),
        cmocka_unit_test(sparks_rise),
        cmocka_unit_test(figures_come_from_the_tables),
        cmocka_unit_test(frames_of_any_size),
        cmocka_unit_test(frame_says_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

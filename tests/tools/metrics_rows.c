/* metrics_rows FILE: every row of /train, /evaluation, /events and /test of a metrics file, one a line, in hexadecimal floats, so that
 * two files can be compared to the bit. Columns that measure time are left out: they differ from run to run. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "elbow/store/metrics.h"

static bool measures_time(const char *name) {
    return strncmp(name, "seconds", 7) == 0 || strcmp(name, "examples_per_second") == 0 ||
           strcmp(name, "straggler") == 0;
}

static void print(const char *title, const elbow_table *table) {
    for (size_t r = 0; r < table->rows; r++) {
        printf("%s", title);
        for (size_t c = 0; c < table->columns; c++)
            if (!measures_time(table->names[c])) printf(" %s=%a", table->names[c], table->values[c][r]);
        printf("\n");
    }
}

int main(int argc, char **argv) {
    elbow_metrics metrics;
    if (argc != 2) {
        fprintf(stderr, "usage: metrics_rows FILE\n");
        return 2;
    }
    if (elbow_metrics_read(&metrics, argv[1]) != ELBOW_OK) {
        fprintf(stderr, "metrics_rows: %s\n", elbow_error_message());
        return 1;
    }
    print("train", &metrics.train);
    print("evaluation", &metrics.evaluation);
    print("events", &metrics.events);
    print("test", &metrics.test);
    elbow_metrics_destroy(&metrics);
    return 0;
}

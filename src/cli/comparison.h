/* A comparison of two checkpoints or metrics files, for people. */
#ifndef ELBOW_SRC_CLI_COMPARISON_H
#define ELBOW_SRC_CLI_COMPARISON_H

#include "elbow/store/compare.h"

/* One line: the same bits, with the digest where it is not ""; or the first thing that differs. */
void elbow_cli_print_verdict(const elbow_comparison *comparison, const char *name, const char *digest);

/* All that differs, of values the worst dozen tensors; and what differs without counting. */
void elbow_cli_print_comparison(const elbow_comparison *comparison);

#endif

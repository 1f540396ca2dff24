/* The small ordered sum of a step: loss terms of every shard, square sums of every block of the gradient, flags, and the
 * time that each rank computed, gathered to all ranks and added up in one order: shards by number, blocks by number. */
#ifndef ELBOW_SRC_TRAIN_SUMMARY_H
#define ELBOW_SRC_TRAIN_SUMMARY_H

#include "elbow/train/step.h"

/* This rank's loss terms of one of its shards. */
void elbow_summary_put_terms(elbow_summary *summary, size_t shard, const elbow_terms *terms);

/* Gathers, with the `seconds` that this rank computed before it waited for others and the square sums of its blocks
 * (elbow_exchange_finish), and fills terms, gradient_norm, noise and flags of the report. Collective. */
elbow_status elbow_summary_agree(elbow_summary *summary, elbow_run *run, unsigned flags, double seconds,
                                 const double *squares, elbow_step_report *report);

/* How many shards had a loss that is not finite, the *first of them, and the *rank that plays it. Local. */
size_t elbow_summary_suspects(const elbow_summary *summary, size_t *first, int *rank);

/* (ranks) Seconds that each rank computed in all steps since elbow_summary_forget: the same on every rank. */
const double *elbow_summary_seconds(const elbow_summary *summary);
int64_t elbow_summary_steps(const elbow_summary *summary); /* how many those were */
void elbow_summary_forget(elbow_summary *summary);

/* (ranks) The same of all steps of this life, with how many they were and how long they took, as elbow_summary_passed was
 * told after each. */
const double *elbow_summary_life(const elbow_summary *summary, int64_t *steps, double *elapsed);
void elbow_summary_passed(elbow_summary *summary, double seconds);

#endif

#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "base/cores.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int elbow_cores_bound(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return 0;
}

int elbow_cores_online(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int)cores : 0;
}

void elbow_cores_mask(uint64_t mask[ELBOW_CORE_WORDS]) {
    memset(mask, 0, ELBOW_CORE_WORDS * sizeof *mask);
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return;
    for (unsigned core = 0; core < ELBOW_CORE_WORDS * 64 && core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &set)) mask[core / 64] |= UINT64_C(1) << core % 64;
#endif
}

/* The kernel cuts a wish for all cores to the cpuset's; this thread's own mask is put back at once. */
int elbow_cores_granted(void) {
    int count = 0;
#ifdef __linux__
    cpu_set_t own, all;
    if (sched_getaffinity(0, sizeof own, &own) != 0) return 0;
    memset(&all, 0xff, sizeof all);
    if (sched_setaffinity(0, sizeof all, &all) == 0 && sched_getaffinity(0, sizeof all, &all) == 0)
        count = CPU_COUNT(&all);
    if (sched_setaffinity(0, sizeof own, &own) != 0) return 0;
#endif
    return count;
}

/* The first of "0-1" or "0,48"; `core` itself where there is none to read. */
static int first_sibling(int core, const char *root) {
    char path[1024];
    int first = core;
    snprintf(path, sizeof path, "%.900s/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", root,
             core);
    FILE *file = fopen(path, "r");
    if (file == NULL) return core;
    if (fscanf(file, "%d", &first) != 1 || first < 0 || first >= ELBOW_CORE_WORDS * 64) first = core;
    fclose(file);
    return first;
}

void elbow_cores_whole(const uint64_t mask[ELBOW_CORE_WORDS], uint64_t whole[ELBOW_CORE_WORDS],
                       const char *root) {
    memset(whole, 0, ELBOW_CORE_WORDS * sizeof *whole);
    for (int core = 0; core < ELBOW_CORE_WORDS * 64; core++) {
        if (!(mask[core / 64] >> core % 64 & 1)) continue;
        int first = first_sibling(core, root ? root : "");
        whole[first / 64] |= UINT64_C(1) << first % 64;
    }
}

/* "QUOTA PERIOD" in microseconds, or "max PERIOD". */
static double read_quota(const char *path) {
    double quota = 0, period = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%lf %lf", &quota, &period) != 2 || period <= 0) quota = 0, period = 1;
    fclose(file);
    return quota / period;
}

/* This process's group in the unified hierarchy: the line "0::/path". */
static void read_group(char *group, size_t room, const char *root) {
    char line[1024];
    snprintf(line, sizeof line, "%.900s/proc/self/cgroup", root);
    FILE *file = fopen(line, "r");
    *group = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "0::", 3) == 0)
            snprintf(group, room, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    if (file != NULL) fclose(file);
}

double elbow_cores_quota(const char *root) {
    char group[1024], path[3072];
    double least = 0;
    if (root == NULL) root = "";
    read_group(group, sizeof group, root);
    for (;;) {
        snprintf(path, sizeof path, "%.900s/sys/fs/cgroup%s/cpu.max", root, group);
        double quota = read_quota(path);
        if (quota > 0 && (least == 0 || quota < least)) least = quota;
        char *last = strrchr(group, '/');
        if (last == NULL) return least;
        *last = 0;
    }
}

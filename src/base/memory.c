#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* The number in a file of a control group; "max" and what cannot be read are no limit. */
static double read_limit(const char *path) {
    char text[64] = "";
    FILE *file = fopen(path, "r");
    if (file == NULL) return HUGE_VAL;
    double limit = fgets(text, sizeof text, file) != NULL ? strtod(text, NULL) : 0;
    fclose(file);
    return limit > 0 ? limit : HUGE_VAL;
}

/* The least limit of a group and of those that it is in: "/job/step" → "/job/step", "/job", "". */
static double least_limit(const char *root, const char *group, const char *name) {
    char path[3 * PATH_BYTES], part[PATH_BYTES];
    double least = HUGE_VAL;
    snprintf(part, sizeof part, "%s", group);
    for (char *end = part + strlen(part); end != NULL; end = strrchr(part, '/')) {
        *end = 0;
        snprintf(path, sizeof path, "%s%s/%s", root, part, name);
        least = fmin(least, read_limit(path));
    }
    return least;
}

/* Lines of /proc/self/cgroup: "0::/group" of version 2, "7:memory:/group" of version 1. */
static double group_limit(void) {
    char line[PATH_BYTES];
    double least = HUGE_VAL;
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL) return HUGE_VAL;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        char *name = strchr(line, ':'), *group = name != NULL ? strchr(name + 1, ':') : NULL;
        if (group == NULL) continue;
        *group++ = 0;
        if (name[1] == 0)
            least = fmin(least, least_limit("/sys/fs/cgroup", group, "memory.max"));
        else if (strstr(name, "memory") != NULL)
            least = fmin(least, least_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
    fclose(file);
    return least;
}

double elbow_memory_bytes(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    double all = pages > 0 && page > 0 ? (double)pages * (double)page : HUGE_VAL;
    return fmin(all, group_limit());
}

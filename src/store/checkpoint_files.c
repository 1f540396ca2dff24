#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "elbow/base/log.h"
#include "store/checkpoint_layout.h"

#define STALE_SECONDS (24.0 * 3600)

/* More digits than 9 are fine; the file of step 7 is not "step-7.h5", so a name has one step and a step one name. */
enum { STEP_DIGITS = 9, NAME_BYTES = 64 };

static void step_name(char name[NAME_BYTES], int64_t step) {
    snprintf(name, NAME_BYTES, "step-%0*" PRId64 ".h5", STEP_DIGITS, step);
}

static bool parse_step(const char *name, int64_t *step) {
    char again[NAME_BYTES];
    if (strncmp(name, "step-", 5) != 0 || !isdigit((unsigned char)name[5])) return false;
    errno = 0;
    long long value = strtoll(name + 5, NULL, 10);
    if (errno != 0) return false;
    step_name(again, value);
    *step = value;
    return strcmp(again, name) == 0;
}

elbow_status elbow_checkpoint_path(const char *directory, int64_t step, char **path) {
    char name[NAME_BYTES], below[NAME_BYTES + 16];
    step_name(name, step);
    snprintf(below, sizeof below, "checkpoints/%s", name);
    return elbow_path_join(directory, below, path);
}

typedef struct step_list {
    int64_t *steps; /* newest first */
    size_t count, room;
} step_list;

static int newest_first(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static elbow_status add_step(step_list *list, int64_t step) {
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        int64_t *grown = realloc(list->steps, room * sizeof *grown);
        ELBOW_CHECK(grown, ELBOW_MEMORY, "no memory for a list of %zu checkpoints", room);
        list->steps = grown;
        list->room = room;
    }
    list->steps[list->count++] = step;
    return ELBOW_OK;
}

/* The steps of the step-*.h5 in a directory; none where there is no such directory. */
static elbow_status list_steps(step_list *list, const char *checkpoints) {
    *list = (step_list){0};
    DIR *directory = opendir(checkpoints);
    if (!directory && errno == ENOENT) return ELBOW_OK;
    ELBOW_CHECK(directory, ELBOW_IO, "%s: cannot be listed (%s); check its owner and mode", checkpoints,
                strerror(errno));
    elbow_status status = ELBOW_OK;
    while (status == ELBOW_OK) {
        int64_t step;
        errno = 0;
        struct dirent *entry = readdir(directory);
        if (!entry && errno != 0)
            status = elbow_fail(ELBOW_IO,
                                "%s: cannot be listed to its end (%s); try again, and check the file system",
                                checkpoints, strerror(errno));
        if (!entry) break;
        if (parse_step(entry->d_name, &step)) status = add_step(list, step);
    }
    closedir(directory);
    if (list->count > 1) qsort(list->steps, list->count, sizeof *list->steps, newest_first);
    return status;
}

/* A search among files, newest first. What is passed over is warned about when it is known what is taken instead. */
typedef struct search {
    const char *checkpoints;
    char reason[512];  /* why the last was passed over */
    bool vanished;     /* one went away between being listed and read: a running trainer prunes */
    int64_t unhealthy; /* the newest that can be read and is not healthy; −1 */
} search;

static void pass_over(search *s, const char *reason) {
    if (s->reason[0]) elbow_warn("%s", s->reason);
    snprintf(s->reason, sizeof s->reason, "%s", reason);
}

/* One of them: *file stays NULL where it is passed over, with `any` only where it cannot be read. Lack of memory is no reason
 * to look at an older one. */
static elbow_status try_step(elbow_checkpoint **checkpoint, char **file, search *s, int64_t step, bool any) {
    char name[NAME_BYTES], what[160], reason[512], *path = NULL;
    step_name(name, step);
    ELBOW_TRY(elbow_path_join(s->checkpoints, name, &path));
    elbow_status status = elbow_checkpoint_read(checkpoint, path);
    if (status == ELBOW_OK && ((*checkpoint)->healthy || any)) {
        *file = path;
        return ELBOW_OK;
    }
    if (status == ELBOW_OK) {
        elbow_checkpoint_is_finite(*checkpoint, what);
        snprintf(reason, sizeof reason, "%.300s is not healthy: %.100s is not finite", path, what);
        pass_over(s, reason);
        if (s->unhealthy < 0) s->unhealthy = step;
        elbow_checkpoint_destroy(checkpoint);
    } else if (status != ELBOW_MEMORY && !elbow_file_exists(path)) {
        s->vanished = true;
    } else if (status != ELBOW_MEMORY) {
        pass_over(s, elbow_error_message());
    }
    free(path);
    return status == ELBOW_MEMORY ? status : ELBOW_OK;
}

/* The newest good and healthy checkpoint among `list`, read; where none is healthy, the newest good one; *checkpoint and
 * *file stay NULL where there is none. */
static elbow_status take_newest(elbow_checkpoint **checkpoint, char **file, bool *vanished,
                                const char *checkpoints, const step_list *list) {
    search s = {.checkpoints = checkpoints, .unhealthy = -1};
    for (size_t i = 0; i < list->count && !*file; i++)
        ELBOW_TRY(try_step(checkpoint, file, &s, list->steps[i], false));
    if (!*file && s.unhealthy >= 0) ELBOW_TRY(try_step(checkpoint, file, &s, s.unhealthy, true));
    bool healthy = *file && (*checkpoint)->healthy;
    if (*file && s.reason[0])
        elbow_warn(healthy ? "%s; %s is taken instead" : "%s; none is healthy, and %s is taken", s.reason,
                   *file);
    if (!*file && s.reason[0]) elbow_fail(ELBOW_FORMAT, "%s", s.reason); /* for the caller's message */
    *vanished = s.vanished;
    return ELBOW_OK;
}

/* "runs/a" → "runs/a/checkpoints" where that is, else the directory itself ("runs/a/checkpoints" was given). */
static elbow_status find_checkpoints(char **checkpoints, const char *directory) {
    ELBOW_TRY(elbow_path_join(directory, "checkpoints", checkpoints));
    if (elbow_file_is_directory(*checkpoints)) return ELBOW_OK;
    free(*checkpoints);
    *checkpoints = strdup(directory);
    ELBOW_CHECK(*checkpoints, ELBOW_MEMORY, "no memory for a path");
    return ELBOW_OK;
}

elbow_status elbow_checkpoint_find(elbow_checkpoint **checkpoint, char **file, const char *path) {
    *checkpoint = NULL;
    *file = NULL;
    if (!elbow_file_is_directory(path)) {
        ELBOW_CHECK(elbow_file_exists(path), ELBOW_ABSENT,
                    "%s: no such file or directory; give a checkpoint or the directory of a run", path);
        ELBOW_TRY(elbow_checkpoint_read(checkpoint, path));
        *file = strdup(path);
        if (*file) return ELBOW_OK;
        elbow_checkpoint_destroy(checkpoint);
        return elbow_fail(ELBOW_MEMORY, "no memory for a path");
    }

    enum { TRIES = 10 };
    char *checkpoints = NULL;
    size_t seen = 0;
    bool vanished = true;
    elbow_status status = ELBOW_OK;
    ELBOW_TRY(find_checkpoints(&checkpoints, path));
    for (int attempt = 0; status == ELBOW_OK && !*file && vanished && attempt < TRIES; attempt++) {
        step_list list;
        status = list_steps(&list, checkpoints);
        seen = list.count;
        if (status == ELBOW_OK) status = take_newest(checkpoint, file, &vanished, checkpoints, &list);
        free(list.steps);
    }
    if (status == ELBOW_OK && !*file && seen == 0)
        status =
            elbow_fail(ELBOW_ABSENT,
                       "%s: no checkpoint (step-*.h5) there; the run has not saved one yet, or this is not "
                       "the directory of a run",
                       path);
    else if (status == ELBOW_OK && !*file)
        status = elbow_fail(ELBOW_FORMAT,
                            "%s: none of %zu checkpoints is good (%.1500s); restore one, or start a new run, "
                            "from the weights of "
                            "best.h5 (--from) where that is good",
                            checkpoints, seen, elbow_error_message());
    free(checkpoints);
    return status;
}

elbow_status elbow_checkpoint_resolve(const char *path, char **file) {
    elbow_checkpoint *checkpoint = NULL;
    *file = NULL;
    if (elbow_file_exists(path) && !elbow_file_is_directory(path)) {
        *file = strdup(path); /* a file stands for itself, good or not */
        ELBOW_CHECK(*file, ELBOW_MEMORY, "no memory for a path");
        return ELBOW_OK;
    }
    elbow_status status = elbow_checkpoint_find(&checkpoint, file, path);
    elbow_checkpoint_destroy(&checkpoint);
    return status;
}

/* The process in ".NAME.tmp-PID", or 0 for another kind of name. */
static pid_t temporary_owner(const char *name) {
    const char *mark = NULL;
    for (const char *at = name; (at = strstr(at, ".tmp-")); at++) mark = at;
    if (name[0] != '.' || !mark || mark <= name + 1 || !isdigit((unsigned char)mark[5])) return 0;
    char *end = NULL;
    errno = 0;
    long pid = strtol(mark + 5, &end, 10);
    return errno == 0 && *end == '\0' && pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/* A process that may be writing still keeps its file. A number is used again after a while, and a process of
 * another machine is not seen from here: a file untouched for a day has no writer whoever has its number. */
static bool is_left_over(const char *path, pid_t owner) {
    struct stat facts;
    if (lstat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
    bool dead = kill(owner, 0) != 0 && errno == ESRCH;
    return dead || difftime(time(NULL), facts.st_mtime) > STALE_SECONDS;
}

static elbow_status remove_file(const char *path) {
    ELBOW_CHECK(unlink(path) == 0 || errno == ENOENT, ELBOW_IO,
                "%s: cannot be removed (%s); check the directory's owner and mode", path, strerror(errno));
    return ELBOW_OK;
}

static elbow_status remove_temporaries(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) return ELBOW_OK;
    elbow_status status = ELBOW_OK;
    for (struct dirent *entry; status == ELBOW_OK && (entry = readdir(directory));) {
        pid_t owner = temporary_owner(entry->d_name);
        char *file = NULL;
        if (owner == 0) continue;
        status = elbow_path_join(path, entry->d_name, &file);
        if (status == ELBOW_OK && is_left_over(file, owner)) status = remove_file(file);
        free(file);
    }
    closedir(directory);
    return status;
}

elbow_status elbow_checkpoint_clean(const char *directory) {
    char *checkpoints = NULL;
    ELBOW_TRY(elbow_path_join(directory, "checkpoints", &checkpoints));
    elbow_status status = remove_temporaries(checkpoints);
    if (status == ELBOW_OK) status = remove_temporaries(directory);
    free(checkpoints);
    return status;
}

/* What pruning has met, from the newest on. */
typedef struct pruning {
    int64_t keep;
    const int64_t *spared; /* (spared_count) steps */
    size_t spared_count;
    int64_t healthy; /* so far */
    bool unhealthy;  /* one was met */
} pruning;

static bool is_spared(const pruning *p, int64_t step) {
    for (size_t i = 0; i < p->spared_count; i++)
        if (p->spared[i] == step) return true;
    return false;
}

/* Whether one stays. Only those that may are opened: older ones go by their name alone. What cannot be read is neither good
 * nor, perhaps, lost: it goes when enough newer ones are good. */
static bool stays(pruning *p, int64_t step, const char *path) {
    bool healthy = false, wanted = p->healthy < p->keep;
    bool spared = is_spared(p, step);
    if (!wanted) return spared;
    if (elbow_checkpoint_glance(path, &healthy) != ELBOW_OK) return true;
    if (!healthy) {
        bool newest = !p->unhealthy && p->healthy == 0;
        p->unhealthy = true;
        return newest || spared;
    }
    p->healthy++;
    return true;
}

elbow_status elbow_checkpoint_prune(const char *directory, int64_t newest, int64_t keep,
                                    const int64_t *spared, size_t spared_count) {
    ELBOW_CHECK(keep >= 1, ELBOW_USAGE, "checkpoint.keep = %" PRId64 ": at least one must be kept", keep);
    char *checkpoints = NULL;
    step_list list = {0};
    struct pruning state = {.keep = keep, .spared = spared, .spared_count = spared_count};
    elbow_status status = elbow_path_join(directory, "checkpoints", &checkpoints);
    if (status == ELBOW_OK) status = list_steps(&list, checkpoints);
    for (size_t i = 0; status == ELBOW_OK && i < list.count; i++) { /* newest first */
        char *path = NULL;
        if (list.steps[i] > newest) continue;
        status = elbow_checkpoint_path(directory, list.steps[i], &path);
        if (status == ELBOW_OK && !stays(&state, list.steps[i], path)) status = remove_file(path);
        free(path);
    }
    if (status == ELBOW_OK) status = elbow_checkpoint_clean(directory);
    free(list.steps);
    free(checkpoints);
    return status;
}

static elbow_status copy_file(const char *from, const char *to) {
    char *bytes = NULL;
    size_t count;
    ELBOW_TRY(elbow_file_read(from, SIZE_MAX, &bytes, &count));
    elbow_status status = elbow_file_replace(to, bytes, count);
    free(bytes);
    return status;
}

elbow_status elbow_checkpoint_mark_best(const char *directory, const char *path) {
    char *best = NULL, temporary[PATH_MAX];
    elbow_status status = ELBOW_OK;
    ELBOW_CHECK(elbow_file_exists(path), ELBOW_IO, "%s: no such file; it cannot be marked as the best", path);
    ELBOW_TRY(elbow_path_join(directory, "checkpoints/best.h5", &best));
    ELBOW_TRY_OR_DONE(elbow_file_temporary(best, temporary, sizeof temporary));
    unlink(temporary); /* an earlier process of the same number may have left one */
    if (link(path, temporary) != 0) {
        status = copy_file(path, best);
        goto done;
    }
    ELBOW_TRY_OR_DONE(elbow_file_commit(temporary, best));
    unlink(
        temporary); /* rename() of one link onto another link of the same file does nothing, and leaves both */
done:
    free(best);
    return status;
}

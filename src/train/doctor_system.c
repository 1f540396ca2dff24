#include "train/doctor_system.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "base/file.h"
#include "elbow/parallel/world.h"
#include "elbow/train/stop.h"

/* linux/magic.h has some of these, the file systems' own sources the others. */
static const struct {
    unsigned long type;
    const char *name;
    bool network, fleeting;
} systems[] = {
    {0x6969, "NFS", true, false},          {0x0bd00bd0, "Lustre", true, false},
    {0x47504653, "GPFS", true, false},     {0x19830326, "BeeGFS", true, false},
    {0x00c36400, "CephFS", true, false},   {0xaad7aaea, "PanFS", true, false},
    {0x20030528, "OrangeFS", true, false}, {0x5346414f, "AFS", true, false},
    {0xff534d42, "CIFS", true, false},     {0xfe534d42, "SMB", true, false},
    {0x01021997, "9P", true, false},       {0x65735546, "FUSE", true, false},
    {0x01021994, "tmpfs", false, true},    {0x858458f6, "ramfs", false, true},
    {0x794c7630, "overlay", false, true},  {0xef53, "ext4", false, false},
    {0x58465342, "XFS", false, false},     {0x9123683e, "Btrfs", false, false},
    {0x2fc12fc1, "ZFS", false, false},     {0xf2f52010, "F2FS", false, false},
};

static void find_system(elbow_place *place) {
#ifdef __linux__
    struct statfs info;
    if (statfs(place->path, &info) != 0) return;
    unsigned long type = (unsigned long)info.f_type & 0xffffffffUL;
    snprintf(place->system, sizeof place->system, "type 0x%lx", type);
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        if (systems[i].type != type) continue;
        snprintf(place->system, sizeof place->system, "%s", systems[i].name);
        place->network = systems[i].network;
        place->fleeting = systems[i].fleeting;
    }
#endif
}

static void cut_slashes(char *path) {
    for (size_t end = strlen(path); end > 1 && path[end - 1] == '/';) path[--end] = 0;
}

/* "runs/a/" → "runs", "a" → ".", "/a" → "/". */
static void cut_last(char *path) {
    cut_slashes(path);
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        memcpy(path, ".", 2);
    else
        slash[slash == path] = 0;
    cut_slashes(path);
}

elbow_status elbow_place_find(elbow_place *place, const char *path) {
    struct statvfs info;
    *place = (elbow_place){.free = HUGE_VAL, .system = "an unknown file system"};
    size_t length = strlen(path);
    ELBOW_CHECK(length > 0, ELBOW_USAGE, "--out is empty; name a directory");
    ELBOW_CHECK(length < sizeof place->path, ELBOW_USAGE, "%.64s…: a path of %zu bytes; give a shorter --out",
                path, length);
    memcpy(place->path, path, length + 1);
    do cut_last(place->path);
    while (!elbow_file_exists(place->path) && strcmp(place->path, ".") != 0);
    ELBOW_CHECK(elbow_file_is_directory(place->path), ELBOW_IO, "%s: is no directory; choose another --out",
                place->path);
    find_system(place);
    if (statvfs(place->path, &info) == 0) place->free = (double)info.f_bavail * (double)info.f_frsize;
    return ELBOW_OK;
}

double elbow_file_bytes(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (double)info.st_size : 0;
}

elbow_status elbow_place_try(const char *directory, size_t bytes, double *seconds) {
    char *path = NULL, *zeros = calloc(1, bytes);
    elbow_status status = ELBOW_OK;
    ELBOW_CHECK_OR_DONE(zeros != NULL, ELBOW_MEMORY, "no memory for a file to try the disk with");
    ELBOW_TRY_OR_DONE(elbow_path_join(directory, "trial", &path));
    double began = elbow_now();
    ELBOW_TRY_OR_DONE(elbow_file_replace(path, zeros, bytes));
    *seconds = elbow_now() - began;
    if (unlink(path) != 0)
        status = elbow_fail(ELBOW_IO, "%s: can be written and not removed (%s); choose another --out", path,
                            strerror(errno));
done:
    free(path);
    free(zeros);
    return status;
}

/* The number after "NAME:" in a file of /proc, in bytes; `otherwise` where there is none. */
static double read_kilobytes(const char *path, const char *name, double otherwise) {
    char line[256];
    double kilobytes = -1;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0) kilobytes = strtod(line + strlen(name), NULL);
    if (file != NULL) fclose(file);
    return kilobytes >= 0 ? 1024 * kilobytes : otherwise;
}

elbow_held elbow_held_now(void) {
    double most = read_kilobytes("/proc/self/status", "VmHWM:", 0),
           now = read_kilobytes("/proc/self/status", "VmRSS:", most),
           share = read_kilobytes("/proc/self/smaps_rollup", "Pss:", now);
    return (elbow_held){.most = most, .share = fmin(most - now + share, most)};
}

double elbow_memory_available(void) { return read_kilobytes("/proc/meminfo", "MemAvailable:", HUGE_VAL); }

double elbow_shared_memory_free(void) {
    struct statvfs info;
    if (statvfs("/dev/shm", &info) != 0) return HUGE_VAL;
    return (double)info.f_bavail * (double)info.f_frsize;
}

double elbow_job_seconds_left(bool *slurm) {
    double left = 0;
    *slurm = getenv("SLURM_JOB_ID") != NULL;
    return elbow_stop_slurm_left(&left) ? left : NAN;
}

const char *elbow_format_bytes(char text[32], double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    for (; bytes >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++) bytes /= 1000;
    snprintf(text, 32, "%.4g %s", bytes, units[unit]);
    return text;
}

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* fallocate, which unlike posix_fallocate never writes a block after the other */
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "elbow/store/checkpoint.h"

enum { SMALL = 4096, MOST_CHECKPOINTS = 1000000 };

/* Claims the room, as a checkpoint would: 0, or why there is none. A file system that cannot do so is asked how much is free,
 * which knows nothing of quotas. */
static int claim(int descriptor, size_t bytes) {
    struct rlimit limit;
    struct statvfs room;
    if (bytes == 0) return 0;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)
        return EFBIG;
#ifdef __linux__
    int failed;
    do failed = fallocate(descriptor, 0, 0, (off_t)bytes);
    while (failed != 0 && errno == EINTR);
    if (failed == 0) return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) return errno;
#endif
    if (fstatvfs(descriptor, &room) != 0) return 0;
    return (double)room.f_bavail * (double)room.f_frsize < (double)bytes ? ENOSPC : 0;
}

/* Under a name that the cleaning of temporary files knows, should this process end in between. */
static elbow_status probe_folder(const char *folder, size_t bytes) {
    static const char zeros[SMALL];
    char *path = NULL, temporary[PATH_MAX];
    int error = 0, descriptor = -1;
    ELBOW_TRY(elbow_path_join(folder, "probe", &path));
    elbow_status status = elbow_file_temporary(path, temporary, sizeof temporary);
    free(path);
    ELBOW_TRY(status);
    descriptor = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) return elbow_file_fail_write(temporary, errno, 0);
    if (write(descriptor, zeros, SMALL) != SMALL) error = errno ? errno : ENOSPC;
    if (error == 0 && fsync(descriptor) != 0) error = errno;
    if (error == 0) error = claim(descriptor, bytes);
    close(descriptor);
    unlink(temporary);
    return error == 0 ? ELBOW_OK : elbow_file_fail_write(folder, error, bytes);
}

static size_t room_for(const char *folder, size_t bytes) {
    struct statvfs room;
    if (bytes == 0 || statvfs(folder, &room) != 0) return MOST_CHECKPOINTS;
    double count = (double)room.f_bavail * (double)room.f_frsize / (double)bytes;
    return count < MOST_CHECKPOINTS ? (size_t)count : MOST_CHECKPOINTS;
}

elbow_status elbow_checkpoint_probe(const char *directory, size_t bytes, bool pictures, size_t *checkpoints) {
    char *folder = NULL;
    *checkpoints = 0;
    ELBOW_TRY(probe_folder(directory, 0));
    if (pictures) {
        ELBOW_TRY(elbow_path_join(directory, "pictures", &folder));
        elbow_status status = probe_folder(folder, 0);
        free(folder);
        ELBOW_TRY(status);
    }
    ELBOW_TRY(elbow_path_join(directory, "checkpoints", &folder));
    elbow_status status = probe_folder(folder, bytes);
    if (status == ELBOW_OK) *checkpoints = room_for(folder, bytes);
    free(folder);
    return status;
}

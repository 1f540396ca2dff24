/* Where the bytes of an HDF5 file are: a driver of our own below HDF5, for three reasons.
 *
 * A file that HDF5 could not write to the end stays half open in it, and the program crashes at exit. So
 * here a write that fails (a full disk) is remembered and called a success: HDF5 closes in peace, and the
 * elbow functions report what is remembered. It says why with the system's own errno. And it takes no
 * locks, which network file systems may not have: no file is written in place that somebody reads, so none
 * are needed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/h5_inside.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#define MOST_ADDRESS ((haddr_t)INT64_MAX)

typedef struct driver_info {
    elbow_h5_medium *medium;
} driver_info;

typedef struct driver_file {
    H5FD_t base; /* first: HDF5's part */
    elbow_h5_medium *medium;
    haddr_t end; /* of what HDF5 has allotted */
} driver_file;

static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t most) {
    const driver_info *info = H5Pget_driver_info(access);
    (void)name, (void)flags, (void)most; /* the medium is open already */
    driver_file *file = info != NULL ? calloc(1, sizeof *file) : NULL;
    if (file == NULL) return NULL;
    file->medium = info->medium;
    return &file->base;
}

static herr_t close_file(H5FD_t *base) {
    free(base);
    return 0;
}

static herr_t query(const H5FD_t *base, unsigned long *flags) {
    /* What gathers metadata adds addresses and sizes without a look at the file's end, and copies by them: not where
     * a file is read, whose headers may say anything. HDF5 asks for the flags of no file, too. */
    bool reading = base != NULL && !((const driver_file *)base)->medium->writing;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA;
    if (!reading) *flags |= H5FD_FEAT_ACCUMULATE_METADATA;
    return 0;
}

static haddr_t get_end(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const driver_file *)base)->end;
}

static herr_t set_end(H5FD_t *base, H5FD_mem_t type, haddr_t end) {
    (void)type;
    ((driver_file *)base)->end = end;
    return 0;
}

static haddr_t get_size(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const driver_file *)base)->medium->size;
}

int elbow_h5_read_descriptor(int descriptor, void *bytes, size_t count, size_t at) {
    for (size_t done = 0; done < count;) {
        ssize_t n = pread(descriptor, (char *)bytes + done, count - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) return ENODATA;
        done += (size_t)n;
    }
    return 0;
}

/* What HDF5 reads of a file that is being written is its own: it may not be there yet, and is compared with nothing. */
static herr_t read_back(elbow_h5_medium *medium, size_t at, size_t count, void *bytes) {
    size_t there = at < medium->size ? medium->size - at : 0;
    if (there > count) there = count;
    memset((char *)bytes + there, 0, count - there);
    if (medium->descriptor < 0 && there > 0) memcpy(bytes, medium->memory + at, there);
    if (medium->descriptor >= 0 && medium->error == 0)
        medium->error = elbow_h5_read_descriptor(medium->descriptor, bytes, there, at);
    return 0;
}

static herr_t read_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t count,
                         void *bytes) {
    elbow_h5_medium *medium = ((driver_file *)base)->medium;
    (void)transfer;
    if (medium->writing) return read_back(medium, (size_t)at, count, bytes);
    /* An address or a size that a header invented. */
    if (at > medium->size || count > medium->size - (size_t)at) return -1;
    int error = elbow_h5_read_descriptor(medium->descriptor, bytes, count, (size_t)at);
    /* Where the file became shorter under our hands, it is damaged. */
    if (error != 0 && error != ENODATA && medium->error == 0) medium->error = error;
    if (error != 0 || !elbow_h5_compare(medium, (size_t)at, count, bytes)) return -1;
    return type == H5FD_MEM_DRAW || elbow_h5_check_header(medium, (size_t)at, bytes, count) ? 0 : -1;
}

/* Makes memory of `size` bytes; what is new is zero. */
static int resize_memory(elbow_h5_medium *medium, size_t size) {
    if (size > medium->room) {
        size_t room = size + size / 4 + 65536;
        unsigned char *grown = realloc(medium->memory, room);
        if (grown == NULL) return ENOMEM;
        medium->memory = grown;
        medium->room = room;
    }
    if (size > medium->size) memset(medium->memory + medium->size, 0, size - medium->size);
    return 0;
}

int elbow_h5_write_descriptor(int descriptor, const void *bytes, size_t count, size_t at) {
    for (size_t done = 0; done < count;) {
        ssize_t n = pwrite(descriptor, (const char *)bytes + done, count - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        done += (size_t)n;
    }
    return 0;
}

static herr_t write_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t count,
                          const void *bytes) {
    elbow_h5_medium *medium = ((driver_file *)base)->medium;
    (void)type, (void)transfer;
    size_t end = (size_t)at + count;
    if (medium->error != 0) return 0;
    if (medium->descriptor >= 0) {
        medium->error = elbow_h5_write_descriptor(medium->descriptor, bytes, count, at);
    } else {
        if (end > medium->size) medium->error = resize_memory(medium, end);
        if (medium->error == 0) memcpy(medium->memory + at, bytes, count);
    }
    if (end > medium->size && medium->error == 0) medium->size = end;
    return 0;
}

static herr_t truncate_file(H5FD_t *base, hid_t transfer, hbool_t closing) {
    driver_file *file = (driver_file *)base;
    elbow_h5_medium *medium = file->medium;
    (void)transfer, (void)closing;
    if (!medium->writing || medium->error != 0 || file->end == medium->size) return 0;
    if (medium->descriptor < 0)
        medium->error = resize_memory(medium, (size_t)file->end);
    else if (ftruncate(medium->descriptor, (off_t)file->end) != 0)
        medium->error = errno;
    if (medium->error == 0) medium->size = (size_t)file->end;
    return 0;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)300, /* of those left to private use */
#endif
    .name = "elbow",
    .maxaddr = MOST_ADDRESS,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_info),
    .open = open_file,
    .close = close_file,
    .query = query,
    .get_eoa = get_end,
    .set_eoa = set_end,
    .get_eof = get_size,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

bool elbow_h5_use_medium(hid_t access, elbow_h5_medium *medium) {
    static hid_t driver = H5I_INVALID_HID; /* under the lock; a program may close HDF5 and use it again */
    if (H5Iget_type(driver) != H5I_VFL) driver = H5FDregister(&driver_class);
    const driver_info info = {medium};
    return driver >= 0 && H5Pset_driver(access, driver, &info) >= 0;
}

int elbow_h5_open_medium(elbow_h5_medium *medium, const char *path, bool writing) {
    struct stat info;
    *medium = (elbow_h5_medium){.descriptor = -1, .writing = writing};
    if (path == NULL) return 0;
    /* Not blocking: a pipe under this name would wait for a writer. */
    int flags = writing ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY | O_NONBLOCK;
    medium->descriptor = open(path, flags | O_CLOEXEC, 0666);
    if (medium->descriptor < 0) return errno;
    if (fstat(medium->descriptor, &info) != 0) return errno;
    medium->size = (size_t)info.st_size;
    return 0;
}

int elbow_h5_close_medium(elbow_h5_medium *medium) {
    if (medium->descriptor >= 0 && close(medium->descriptor) != 0 && medium->error == 0)
        medium->error = errno;
    elbow_h5_forget_seal(medium);
    free(medium->memory);
    medium->memory = NULL;
    medium->descriptor = -1;
    return medium->error;
}

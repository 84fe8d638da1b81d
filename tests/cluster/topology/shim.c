/* Stands between a process and the C library: a clock that is wrong, a disk that is slow
 * or full. What holds is read from a page of memory that is shared with the harness, so
 * that it can be changed while the process runs.
 *
 * The monotonic clock stays right: only what tells the time of day is moved. A full disk
 * lets overwrite what is there, as disks do, and refuses what makes a file longer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct page {
    int64_t clock_offset_ns;
    int64_t flush_delay_us;
    int64_t disk_full;
};

static const struct page nothing;
static const volatile struct page *page = &nothing;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLUSTER_SHIM");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof(struct page), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        page = mapped;
    close(file);
}

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) \
        next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* The time of day. */

static int is_day(clockid_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    NEXT(clock_gettime);
    int failed = next(clock, now);
    int64_t offset = page->clock_offset_ns;
    if (!failed && offset && is_day(clock)) {
        int64_t moved = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + offset;
        now->tv_sec = moved / 1000000000;
        now->tv_nsec = moved % 1000000000;
    }
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    (void)zone;
    int failed = clock_gettime(CLOCK_REALTIME, &precise);
    if (!failed) {
        now->tv_sec = precise.tv_sec;
        now->tv_usec = precise.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}

/* The disk. */

static int is_full(int file, off_t end) {
    struct stat found;
    if (!page->disk_full || fstat(file, &found) || !S_ISREG(found.st_mode))
        return 0;
    if (end <= found.st_size)
        return 0;
    errno = ENOSPC;
    return 1;
}

static off_t length(const struct iovec *parts, int count) {
    off_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += (off_t)parts[i].iov_len;
    return sum;
}

static void be_slow(void) {
    int64_t delay_us = page->flush_delay_us;
    struct timespec left = {delay_us / 1000000, delay_us % 1000000 * 1000};
    /* To its end: a disk is not woken by signals. */
    while (delay_us > 0 && nanosleep(&left, &left) && errno == EINTR)
        ;
}

ssize_t write(int file, const void *data, size_t size) {
    NEXT(write);
    if (page->disk_full && is_full(file, lseek(file, 0, SEEK_CUR) + (off_t)size))
        return -1;
    return next(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset) {
    NEXT(pwrite);
    if (is_full(file, offset + (off_t)size))
        return -1;
    return next(file, data, size, offset);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    NEXT(pwritev);
    if (is_full(file, offset + length(parts, count)))
        return -1;
    return next(file, parts, count, offset);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) {
    return pwrite(file, data, size, offset);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(file, parts, count, offset);
}

int posix_fallocate(int file, off_t offset, off_t size) {
    NEXT(posix_fallocate);
    if (is_full(file, offset + size))
        return ENOSPC;
    return next(file, offset, size);
}

int posix_fallocate64(int file, off64_t offset, off64_t size) {
    return posix_fallocate(file, offset, size);
}

int fsync(int file) {
    NEXT(fsync);
    be_slow();
    return next(file);
}

int fdatasync(int file) {
    NEXT(fdatasync);
    be_slow();
    return next(file);
}

/* Makes writes below one folder fail, for as long as a file says so. Loaded with LD_PRELOAD.
 *
 * FAULT_DIR   writes to files below this folder are concerned
 * FAULT_FILE  while this file exists and begins with "ENOSPC" or "EIO", they fail with that;
 *             a number after the word is the share in percent that fails (100 where there is none)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static __thread unsigned seed;

static int fault(int fd) {
    const char *dir = getenv("FAULT_DIR"), *file = getenv("FAULT_FILE");
    char link[64], path[4096], text[32] = {0};
    if (!dir || !file) return 0;
    int handle = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
    if (handle < 0) return 0;
    ssize_t n = syscall(SYS_read, handle, text, sizeof text - 1);
    syscall(SYS_close, handle);
    if (n <= 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    if (strncmp(path, dir, strlen(dir)) != 0) return 0;
    int is_full = strncmp(text, "ENOSPC", 6) == 0;
    const char *share = text + (is_full ? 6 : 3);
    int percent = atoi(share);
    if (percent <= 0) percent = 100;
    if (!seed) seed = (unsigned)getpid() ^ (unsigned)(size_t)&seed;
    if ((int)(rand_r(&seed) % 100) >= percent) return 0;
    return is_full ? ENOSPC : EIO;
}

#define GUARD(fd)                         \
    do {                                  \
        int saved = errno, f = fault(fd); \
        errno = saved;                    \
        if (f) {                          \
            errno = f;                    \
            return -1;                    \
        }                                 \
    } while (0)

ssize_t write(int fd, const void *data, size_t n) {
    GUARD(fd);
    return syscall(SYS_write, fd, data, n);
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
    GUARD(fd);
    return syscall(SYS_pwrite64, fd, data, n, at);
}
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    GUARD(fd);
    return syscall(SYS_pwrite64, fd, data, n, at);
}
ssize_t writev(int fd, const struct iovec *parts, int n) {
    GUARD(fd);
    return syscall(SYS_writev, fd, parts, n);
}
int fsync(int fd) {
    GUARD(fd);
    return (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
    GUARD(fd);
    return (int)syscall(SYS_fdatasync, fd);
}
int fallocate(int fd, int mode, off_t at, off_t n) {
    GUARD(fd);
    return (int)syscall(SYS_fallocate, fd, mode, at, n);
}
int fallocate64(int fd, int mode, off64_t at, off64_t n) {
    GUARD(fd);
    return (int)syscall(SYS_fallocate, fd, mode, at, n);
}

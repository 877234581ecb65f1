#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <link.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <time.h>
_Static_assert(
    offsetof(struct clinux_tcp_info, bytes_acked) == offsetof(struct tcp_info, tcpi_bytes_acked) &&
        offsetof(struct clinux_tcp_info, delivery_rate) == offsetof(struct tcp_info, tcpi_delivery_rate) &&
        offsetof(struct clinux_tcp_info, rwnd_limited) == offsetof(struct tcp_info, tcpi_rwnd_limited),
    "struct tcp_info");
const int clinux_TCP_INFO = TCP_INFO;
const int clinux_TCP_NOTSENT_LOWAT = TCP_NOTSENT_LOWAT;
const int clinux_O_PATH = O_PATH;
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif
const unsigned int clinux_RENAME_NOREPLACE = RENAME_NOREPLACE;
const unsigned int clinux_RENAME_EXCHANGE = RENAME_EXCHANGE;
#define MODIFIED(s) ((s)->st_mtim)
#define CHANGED(s) ((s)->st_ctim)
#else
#include <stdio.h>
const int clinux_TCP_INFO = -1;
const int clinux_TCP_NOTSENT_LOWAT = -1;
const int clinux_O_PATH = 0;
const unsigned int clinux_RENAME_NOREPLACE = 1;
const unsigned int clinux_RENAME_EXCHANGE = 2;
#define MODIFIED(s) ((s)->st_mtimespec)
#define CHANGED(s) ((s)->st_ctimespec)
#endif

static void take(const struct stat *from, struct clinux_status *to) {
    to->device = (uint64_t)from->st_dev;
    to->inode = (uint64_t)from->st_ino;
    to->size = (uint64_t)from->st_size;
    to->links = (uint64_t)from->st_nlink;
    to->allocated = (uint64_t)from->st_blocks * 512;
    to->mtime_seconds = MODIFIED(from).tv_sec;
    to->mtime_nanoseconds = (uint32_t)MODIFIED(from).tv_nsec;
    to->ctime_seconds = CHANGED(from).tv_sec;
    to->ctime_nanoseconds = (uint32_t)CHANGED(from).tv_nsec;
    to->mode = from->st_mode;
    to->owner = from->st_uid;
}

int clinux_fstatat(int directory, const char *path, struct clinux_status *status) {
    struct stat found;
    if (fstatat(directory, path, &found, AT_SYMLINK_NOFOLLOW) != 0) return -1;
    take(&found, status);
    return 0;
}

int clinux_fstat(int descriptor, struct clinux_status *status) {
    struct stat found;
    if (fstat(descriptor, &found) != 0) return -1;
    take(&found, status);
    return 0;
}

int clinux_stat(const char *path, struct clinux_status *status) {
    struct stat found;
    if (stat(path, &found) != 0) return -1;
    take(&found, status);
    return 0;
}

int clinux_set_modified(int descriptor, int64_t seconds, uint32_t nanoseconds) {
    struct timespec times[2];
    memset(times, 0, sizeof times);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = seconds;
    times[1].tv_nsec = nanoseconds;
    return futimens(descriptor, times);
}

int clinux_openat(int directory, const char *path, int flags, unsigned int mode) {
    int descriptor;
    do {
        descriptor = openat(directory, path, flags, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

int clinux_open_beneath(int directory, const char *path, int flags, unsigned int mode) {
#if defined(__linux__)
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = (uint64_t)(unsigned int)flags;
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    long descriptor;
    do {
        descriptor = syscall(SYS_openat2, directory, path, &how, sizeof how);
    } while (descriptor < 0 && (errno == EINTR || errno == EAGAIN));
    return (int)descriptor;
#else
    (void)directory, (void)path, (void)flags, (void)mode;
    errno = ENOSYS;
    return -1;
#endif
}

int clinux_renameat2(int from, const char *name, int to, const char *target, unsigned int flags) {
#if defined(__linux__)
    return (int)syscall(SYS_renameat2, from, name, to, target, flags);
#elif defined(RENAME_EXCL) && defined(RENAME_SWAP)
    unsigned int native = 0;
    if (flags & 1) native |= RENAME_EXCL;
    if (flags & 2) native |= RENAME_SWAP;
    return renameatx_np(from, name, to, target, native);
#else
    (void)from, (void)name, (void)to, (void)target, (void)flags;
    errno = ENOSYS;
    return -1;
#endif
}

int clinux_clone(int from, int to) {
#if defined(__linux__) && defined(FICLONE)
    return ioctl(to, FICLONE, from);
#else
    (void)from, (void)to;
    errno = ENOSYS;
    return -1;
#endif
}

int64_t clinux_copy_range(int from, int64_t from_offset, int to, int64_t to_offset, uint64_t count) {
#if defined(__linux__)
    off64_t source = from_offset, target = to_offset;
    return copy_file_range(from, &source, to, &target, count, 0);
#else
    (void)from, (void)from_offset, (void)to, (void)to_offset, (void)count;
    errno = ENOSYS;
    return -1;
#endif
}

int clinux_syncfs(int descriptor) {
#if defined(__linux__)
    return syncfs(descriptor);
#else
    (void)descriptor;
    sync();
    return 0;
#endif
}

int clinux_fdatasync(int descriptor) {
#if defined(__linux__)
    return fdatasync(descriptor);
#else
    return fcntl(descriptor, F_FULLFSYNC);
#endif
}

int clinux_has_no_writer(int descriptor) {
#if defined(__linux__)
    if (fcntl(descriptor, F_SETLEASE, F_RDLCK) == 0) {
        fcntl(descriptor, F_SETLEASE, F_UNLCK);
        return 1;
    }
    return errno == EAGAIN ? 0 : -1;
#else
    (void)descriptor;
    return -1;
#endif
}

int clinux_inotify_init(void) {
#if defined(__linux__)
    return inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
#else
    errno = ENOSYS;
    return -1;
#endif
}

int clinux_inotify_add(int inotify, const char *path, uint32_t mask) {
#if defined(__linux__)
    return inotify_add_watch(inotify, path, mask);
#else
    (void)inotify, (void)path, (void)mask;
    errno = ENOSYS;
    return -1;
#endif
}

int clinux_inotify_remove(int inotify, int watch) {
#if defined(__linux__)
    return inotify_rm_watch(inotify, watch);
#else
    (void)inotify, (void)watch;
    errno = ENOSYS;
    return -1;
#endif
}

int clinux_eventfd(void) {
#if defined(__linux__)
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
#else
    errno = ENOSYS;
    return -1;
#endif
}

int clinux_wait(int first, int second, int milliseconds) {
    struct pollfd waiting[2] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
    int ready = poll(waiting, 2, milliseconds);
    if (ready < 0) return errno == EINTR ? 0 : -1;
    return (waiting[0].revents ? 1 : 0) | (waiting[1].revents ? 2 : 0);
}

uint64_t clinux_filesystem_type(int fd) {
#if defined(__linux__)
    struct statfs found;
    int result;
    do {
        result = fstatfs(fd, &found);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? (uint32_t)found.f_type : 0;
#else
    (void)fd;
    return 0;
#endif
}

void clinux_trim_memory(void) {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}

#if defined(__linux__)
// Of the program alone, which comes first: a library may have been changed while it was loaded, and the changes with it.
static int forget_code(struct dl_phdr_info *program, size_t size, void *none) {
    (void)size;
    (void)none;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int number = 0; number < program->dlpi_phnum; number++) {
        const ElfW(Phdr) *part = &program->dlpi_phdr[number];
        if (part->p_type != PT_LOAD || part->p_flags & PF_W) continue;
        uintptr_t start = (program->dlpi_addr + part->p_vaddr) & ~(page - 1);
        madvise((void *)start, program->dlpi_addr + part->p_vaddr + part->p_memsz - start, MADV_DONTNEED);
    }
    return 1;
}
#endif

void clinux_forget_code(void) {
#if defined(__linux__)
    dl_iterate_phdr(forget_code, NULL);
#endif
}

void clinux_keep_memory(void) {
#if defined(__GLIBC__)
    // Messages of a megabyte each would otherwise be mapped and unmapped, which costs more than what is done with them.
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
#endif
}

static atomic_int signal_pipe_end = -1;

static void note_signal(int number) {
    int error = errno;
    unsigned char byte = (unsigned char)number;
    // A full pipe holds more of them than anybody needs to hear of.
    ssize_t done = write(atomic_load(&signal_pipe_end), &byte, 1);
    (void)done;
    errno = error;
}

int clinux_signal_pipe(void) {
    static atomic_int taken = -1;
    int ends[2];
    if (atomic_load(&taken) >= 0) return atomic_load(&taken);
    if (pipe(ends) != 0) return -1;
    for (int end = 0; end < 2; end++) {
        fcntl(ends[end], F_SETFD, FD_CLOEXEC);
        fcntl(ends[end], F_SETFL, O_NONBLOCK);
    }
    atomic_store(&signal_pipe_end, ends[1]);
    atomic_store(&taken, ends[0]);
    return ends[0];
}

int clinux_catch_signal(int number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    return sigaction(number, &action, NULL);
}

#if defined(__linux__)
int clinux_clock_watch(void) {
    int descriptor = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (descriptor >= 0 && clinux_clock_watch_again(descriptor) != 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int clinux_clock_watch_again(int descriptor) {
    uint64_t count;
    // ECANCELED is the news itself.
    ssize_t taken = read(descriptor, &count, sizeof count);
    (void)taken;
    // A moment that never comes: the year 292 billion would overflow the kernel's nanoseconds, 2200 does not.
    struct itimerspec never = {.it_value = {.tv_sec = 7258118400}};
    return timerfd_settime(descriptor, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}
#else
int clinux_clock_watch(void) {
    errno = ENOSYS;
    return -1;
}

int clinux_clock_watch_again(int descriptor) {
    (void)descriptor;
    errno = ENOSYS;
    return -1;
}
#endif

// Calls and constants that Swift cannot import from the C library: wrappers that answer -1 and set errno, as system
// calls do. Where the system has no such call they answer ENOSYS, and the caller has another way.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// What a `stat` says, in one shape for every system.
struct clinux_status {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t links;
    uint64_t allocated;
    int64_t mtime_seconds;
    int64_t ctime_seconds;
    uint32_t mtime_nanoseconds;
    uint32_t ctime_nanoseconds;
    uint32_t mode;
    uint32_t owner;
};

// What is wanted of the kernel's `struct tcp_info`, in its place there.
struct clinux_tcp_info {
    uint64_t before[15];
    // Bytes that the other side has acknowledged.
    uint64_t bytes_acked;
    uint64_t between[4];
    // The newest measurement of how fast the other side acknowledged what was sent, in bytes a second.
    uint64_t delivery_rate;
    // How long something was to be sent, in microseconds.
    uint64_t busy_time;
    // How much of that the other side's receive window was full.
    uint64_t rwnd_limited;
};

// The option that reads it; -1 where there is none.
extern const int clinux_TCP_INFO;
// The option that says how much of what was not sent yet it takes; -1 where there is none.
extern const int clinux_TCP_NOTSENT_LOWAT;

extern const int clinux_O_PATH;
extern const unsigned int clinux_RENAME_NOREPLACE;
extern const unsigned int clinux_RENAME_EXCHANGE;

int clinux_fstatat(int directory, const char *path, struct clinux_status *status);
int clinux_fstat(int descriptor, struct clinux_status *status);
int clinux_stat(const char *path, struct clinux_status *status);

// Sets the time of the last change of content, and leaves that of the last access.
int clinux_set_modified(int descriptor, int64_t seconds, uint32_t nanoseconds);

// openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS and RESOLVE_NO_XDEV.
int clinux_open_beneath(int directory, const char *path, int flags, unsigned int mode);
int clinux_openat(int directory, const char *path, int flags, unsigned int mode);

int clinux_renameat2(int from, const char *name, int to, const char *target, unsigned int flags);

// Shares the bytes of `from` with `to` (FICLONE).
int clinux_clone(int from, int to);
int64_t clinux_copy_range(int from, int64_t from_offset, int to, int64_t to_offset, uint64_t count);
int clinux_syncfs(int descriptor);
int clinux_fdatasync(int descriptor);

// Whether no process holds the file of this read-only descriptor open for writing: 1, 0, or -1 where the system
// cannot say. Takes a read lease and lets go of it at once (fcntl(2), F_SETLEASE).
int clinux_has_no_writer(int descriptor);

// inotify(7), and an eventfd to wake its reader.
int clinux_inotify_init(void);
int clinux_inotify_add(int inotify, const char *path, uint32_t mask);
int clinux_inotify_remove(int inotify, int watch);
int clinux_eventfd(void);
// Waits until one of the two can be read: bit 0 for the first, bit 1 for the second; 0 after `milliseconds`.
int clinux_wait(int first, int second, int milliseconds);

// The kind of file system that a file is on, as f_type of statfs(2) has it; 0 where that can't be told.
uint64_t clinux_filesystem_type(int fd);

// Gives memory that was freed back to the system, where the C library keeps it.
void clinux_trim_memory(void);

// Lets go of the pages of the program itself, as far as they are as in its file: what is used again comes back from there.
void clinux_forget_code(void);

// Has memory that is freed and wanted again soon stay in the process until it is trimmed.
void clinux_keep_memory(void);

// A descriptor that gives the number of every signal that came of those that are caught, a byte each; -1 with errno. There
// is one for the whole process.
int clinux_signal_pipe(void);
// Catches a signal for the pipe from now on: from before this call to after it there is no moment in which it is lost.
int clinux_catch_signal(int number);

// A descriptor that becomes readable when the clock of the day jumps: when it is set, and when the machine wakes up
// (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
int clinux_clock_watch(void);
// Takes note of the jump, so that the next one makes it readable again.
int clinux_clock_watch_again(int descriptor);

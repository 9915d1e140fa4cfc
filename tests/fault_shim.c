/* A library for LD_PRELOAD (Linux, glibc) that stands between a process and its files.

   It counts the operations on files under one folder, whoever makes them (Python, SQLite, Rust), and lets the nth one
   fail, or lets the process die before it or amid it. tests/fault_injection.py uses it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum action { COUNT, FAIL_ONCE, FAIL_FROM, DIE, TEAR };
enum { DIED = 77, LOG_SIZE = 1 << 16 };

static char folder[4096];
static char kinds[64];
static char log_text[LOG_SIZE];
static long count, at;
static enum action action;
static int error, armed;

/* Watch the files under `where`. The operations whose letters are in `which` are counted; `what` happens to number n. */
void fault_arm(const char *where, const char *which, long n, int what, int code) {
    snprintf(folder, sizeof folder, "%s", where);
    snprintf(kinds, sizeof kinds, "%s", which);
    count = 0, at = n, action = what, error = code, log_text[0] = 0, armed = 1;
}

void fault_disarm(void) { armed = 0; }
long fault_count(void) { return count; }
const char *fault_log(void) { return log_text; }

static int is_watched(const char *path) {
    size_t size = strlen(folder);
    return armed && path && !strncmp(path, folder, size) && (path[size] == '/' || !path[size]);
}

static const char *path_of(int file) {
    static __thread char path[4096];
    char link[64];
    if (!armed) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = 0;
    return path;
}

/* A path that may be relative to an open folder, as in shutil.rmtree. */
static const char *path_at(int at_folder, const char *path) {
    static __thread char whole[8192];
    const char *base = armed && at_folder != AT_FDCWD && path[0] != '/' ? path_of(at_folder) : NULL;
    if (!base) return path;
    snprintf(whole, sizeof whole, "%s/%s", base, path);
    return whole;
}

enum verdict { PROCEED, REFUSE, HALF };

/* Count an operation and decide what becomes of it. REFUSE sets errno. HALF means: write half of it, then die. */
static enum verdict judge(char kind, const char *path) {
    if (!is_watched(path) || !strchr(kinds, kind)) return PROCEED;
    count++;
    size_t used = strlen(log_text);
    snprintf(log_text + used, LOG_SIZE - used, "%c %s\n", kind, path + strlen(folder));
    int due = count == at || (action == FAIL_FROM && count > at);
    if (!due || action == COUNT) return PROCEED;
    if (action == DIE) _exit(DIED);
    if (action == TEAR) {
        if (kind == 'w') return HALF;
        _exit(DIED);
    }
    errno = error;
    return REFUSE;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static char open_kind(int flags) {
    return flags & O_CREAT ? 'c' : (flags & O_ACCMODE) == O_RDONLY ? 'o' : 'O';
}

#define MODE(flags) \
    mode_t mode = 0; \
    if (flags & O_CREAT) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) {
    REAL(open);
    MODE(flags)
    return judge(open_kind(flags), path) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    REAL(open64);
    MODE(flags)
    return judge(open_kind(flags), path) ? -1 : real(path, flags, mode);
}

int openat(int at_folder, const char *path, int flags, ...) {
    REAL(openat);
    MODE(flags)
    return judge(open_kind(flags), path_at(at_folder, path)) ? -1 : real(at_folder, path, flags, mode);
}

int openat64(int at_folder, const char *path, int flags, ...) {
    REAL(openat64);
    MODE(flags)
    return judge(open_kind(flags), path_at(at_folder, path)) ? -1 : real(at_folder, path, flags, mode);
}

ssize_t read(int file, void *data, size_t size) {
    REAL(read);
    return judge('r', path_of(file)) ? -1 : real(file, data, size);
}

ssize_t pread(int file, void *data, size_t size, off_t offset) {
    REAL(pread);
    return judge('r', path_of(file)) ? -1 : real(file, data, size, offset);
}

ssize_t pread64(int file, void *data, size_t size, off64_t offset) {
    REAL(pread64);
    return judge('r', path_of(file)) ? -1 : real(file, data, size, offset);
}

ssize_t write(int file, const void *data, size_t size) {
    REAL(write);
    enum verdict verdict = judge('w', path_of(file));
    if (verdict == HALF) _exit((real(file, data, size / 2), DIED));
    return verdict ? -1 : real(file, data, size);
}

ssize_t writev(int file, const struct iovec *parts, int number) {
    REAL(writev);
    enum verdict verdict = judge('w', path_of(file));
    if (verdict == HALF) _exit((real(file, parts, number / 2), DIED));
    return verdict ? -1 : real(file, parts, number);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset) {
    REAL(pwrite);
    enum verdict verdict = judge('w', path_of(file));
    if (verdict == HALF) _exit((real(file, data, size / 2, offset), DIED));
    return verdict ? -1 : real(file, data, size, offset);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) {
    REAL(pwrite64);
    enum verdict verdict = judge('w', path_of(file));
    if (verdict == HALF) _exit((real(file, data, size / 2, offset), DIED));
    return verdict ? -1 : real(file, data, size, offset);
}

int ftruncate(int file, off_t size) {
    REAL(ftruncate);
    return judge('t', path_of(file)) ? -1 : real(file, size);
}

int ftruncate64(int file, off64_t size) {
    REAL(ftruncate64);
    return judge('t', path_of(file)) ? -1 : real(file, size);
}

int fsync(int file) {
    REAL(fsync);
    return judge('s', path_of(file)) ? -1 : real(file);
}

int fdatasync(int file) {
    REAL(fdatasync);
    return judge('s', path_of(file)) ? -1 : real(file);
}

int rename(const char *old, const char *new) {
    REAL(rename);
    return judge('m', new) ? -1 : real(old, new);
}

int renameat(int old_folder, const char *old, int new_folder, const char *new) {
    REAL(renameat);
    return judge('m', path_at(new_folder, new)) ? -1 : real(old_folder, old, new_folder, new);
}

int unlink(const char *path) {
    REAL(unlink);
    return judge('u', path) ? -1 : real(path);
}

int unlinkat(int at_folder, const char *path, int flags) {
    REAL(unlinkat);
    return judge('u', path_at(at_folder, path)) ? -1 : real(at_folder, path, flags);
}

int rmdir(const char *path) {
    REAL(rmdir);
    return judge('u', path) ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    return judge('d', path) ? -1 : real(path, mode);
}

int chmod(const char *path, mode_t mode) {
    REAL(chmod);
    return judge('p', path) ? -1 : real(path, mode);
}

int fchmod(int file, mode_t mode) {
    REAL(fchmod);
    return judge('p', path_of(file)) ? -1 : real(file, mode);
}

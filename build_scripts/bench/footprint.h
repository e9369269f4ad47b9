/* What a process has used: CPU time, page faults, memory. */
#ifndef NB_BENCH_FOOTPRINT_H
#define NB_BENCH_FOOTPRINT_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* What the process has used so far. */
struct footprint {
    double cpu_ms, rss_mb, pss_mb, anon_mb;
    unsigned long minor_faults, major_faults;
};

static inline void trouble(const char *why) {
    fprintf(stderr, "timer: %s\n", why);
    exit(1);
}

/* One file of /proc/PID into `buffer`. */
static inline void footprint_read(pid_t pid, const char *name, char *buffer, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);
    if (n <= 0) {
        trouble("cannot read /proc of the process");
    }
    buffer[n] = '\0';
    close(fd);
}

static inline double footprint_mb(const char *text, const char *name) {
    const char *line = strstr(text, name);
    return line ? strtod(line + strlen(name), NULL) / 1024.0 : -1;
}

/* The process waits for an event, so nothing changes meanwhile. */
static inline struct footprint footprint_of(pid_t pid, char *buffer, size_t size) {
    struct footprint found = {0};
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t)) {
        trouble("cannot read the CPU time of the process");
    }
    found.cpu_ms = (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
    footprint_read(pid, "stat", buffer, size);
    char *after_name = strrchr(buffer, ')'); /* then: state and 6 numbers before minflt */
    if (!after_name || sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu",
                              &found.minor_faults, &found.major_faults) != 2) {
        trouble("cannot understand /proc/PID/stat");
    }
    footprint_read(pid, "smaps_rollup", buffer, size);
    found.rss_mb = footprint_mb(buffer, "\nRss:");
    found.pss_mb = footprint_mb(buffer, "\nPss:");
    found.anon_mb = footprint_mb(buffer, "\nAnonymous:");
    return found;
}

#endif

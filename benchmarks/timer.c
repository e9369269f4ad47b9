/* A Runtime API for one process that times it. C, so that the timer is not what gets measured.
 *
 *     timer [--procs FILE] WARM EVENT_FILE -- COMMAND...
 *
 * Listens on a free port, starts COMMAND with AWS_LAMBDA_RUNTIME_API, hands out the event 1 + WARM
 * times, kills the process when it asks for one more, prints one line of JSON:
 *   init_ms   from just before exec to its first GET …/next
 *   cold_ms   from just before exec to its first response: what a caller waits for
 *   cold_cpu_ms   CPU time of the process (all threads, with its exec) when it asks for more
 *   cold_faults   its page faults until then (those the kernel served from memory)
 *   rss_mb, pss_mb, anon_mb   its memory then: all resident pages; with those that other processes
 *             map too counted in part; those that no file holds
 *   warm_us   one later invocation, mean over WARM: from the second …/next to the last response
 * With --procs the process puts itself into the cgroup of that file (cgroup.procs) before the exec;
 * the timer stays out of it.
 * Exit status 1 with the reason on stderr when the function fails or says nothing for a minute. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SILENCE_MS = 60000, BUFFER = 1 << 24 };

static char buffer[BUFFER];

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *why) {
    fprintf(stderr, "timer: %s\n", why);
    exit(1);
}

static void wait_readable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, SILENCE_MS) <= 0) {
        fail("no request for a minute");
    }
}

/* Reads one request into `buffer`; false when the peer closed the connection. */
static bool read_request(int fd) {
    size_t have = 0;
    size_t need = 0;
    while (need == 0 || have < need) {
        wait_readable(fd);
        ssize_t n = read(fd, buffer + have, sizeof buffer - have - 1);
        if (n <= 0) {
            return false;
        }
        have += (size_t)n;
        buffer[have] = '\0';
        char *end = need ? NULL : strstr(buffer, "\r\n\r\n");
        if (end) {
            char *length = strcasestr(buffer, "\r\ncontent-length:");
            need = (size_t)(end - buffer) + 4 +
                   (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
            if (need >= sizeof buffer) {
                fail("request too large");
            }
        }
    }
    return true;
}

static void write_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n <= 0) {
            fail("the process closed the connection");
        }
        data += n;
        size -= (size_t)n;
    }
}

static char *read_event(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail("cannot open the event file");
    }
    char *event = malloc(BUFFER);
    *size = event ? fread(event, 1, BUFFER, file) : 0;
    fclose(file);
    return event;
}

static int listen_locally(struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof *address;
    if (bind(fd, (struct sockaddr *)address, size) || listen(fd, 16) ||
        getsockname(fd, (struct sockaddr *)address, &size)) {
        fail("cannot listen");
    }
    return fd;
}

/* Starts the command in the cgroup; *begin is the time just before its exec. A vfork: the child
 * works in this memory, and joining a cgroup may take the kernel longer than a whole cold start. */
static pid_t start(char **command, const char *procs, double *begin) {
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int group = procs ? open(procs, O_WRONLY | O_CLOEXEC) : -1;
    if (procs && group < 0) {
        fail("cannot open the cgroup");
    }
    volatile bool joined = true;
    pid_t pid = vfork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        joined = group < 0 || write(group, "0", 1) == 1;
        if (!joined || dup2(null, 1) < 0) {
            _exit(127);
        }
        *begin = now_ms();
        execvp(command[0], command);
        _exit(127);
    }
    if (!joined) {
        fail("cannot join the cgroup");
    }
    close(null);
    if (group >= 0) {
        close(group);
    }
    return pid;
}

struct footprint {
    double cpu_ms, rss_mb, pss_mb, anon_mb;
    unsigned long faults;
};

/* One file of /proc/PID into `buffer`. */
static void read_proc(pid_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof buffer - 1);
    if (n <= 0) {
        fail("cannot read /proc of the process");
    }
    buffer[n] = '\0';
    close(fd);
}

static double megabytes(const char *name) {
    const char *line = strstr(buffer, name);
    return line ? strtod(line + strlen(name), NULL) / 1024.0 : -1;
}

/* What the process has used so far. It waits for an event, so nothing changes meanwhile. */
static struct footprint look_at(pid_t pid) {
    struct footprint found = {0};
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t)) {
        fail("cannot read the CPU time of the process");
    }
    found.cpu_ms = (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
    read_proc(pid, "stat");
    char *after_name = strrchr(buffer, ')'); /* then: state and 6 numbers before minflt */
    if (!after_name ||
        sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %lu", &found.faults) != 1) {
        fail("cannot understand /proc/PID/stat");
    }
    read_proc(pid, "smaps_rollup");
    found.rss_mb = megabytes("\nRss:");
    found.pss_mb = megabytes("\nPss:");
    found.anon_mb = megabytes("\nAnonymous:");
    return found;
}

static void send_event(int fd, const char *event, size_t size, int number) {
    char head[512];
    int n =
        snprintf(head, sizeof head,
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                 "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe%08x\r\n"
                 "Lambda-Runtime-Deadline-Ms: %lld\r\n"
                 "Lambda-Runtime-Invoked-Function-Arn: "
                 "arn:aws:lambda:us-east-1:123456789012:function:f\r\n"
                 "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 (unsigned)number, (long long)time(NULL) * 1000 + 30000, size);
    write_all(fd, head, (size_t)n);
    write_all(fd, event, size);
}

int main(int argc, char **argv) {
    const char *procs = NULL;
    if (argc > 2 && strcmp(argv[1], "--procs") == 0) {
        procs = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 5 || strcmp(argv[3], "--") != 0) {
        fail("usage: timer [--procs FILE] WARM EVENT_FILE -- COMMAND...");
    }
    int warm = atoi(argv[1]);
    size_t size;
    char *event = read_event(argv[2], &size);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address;
    int server = listen_locally(&address);
    char api[64];
    snprintf(api, sizeof api, "127.0.0.1:%d", ntohs(address.sin_port));
    setenv("AWS_LAMBDA_RUNTIME_API", api, 1);

    double begin = 0;
    pid_t pid = start(argv + 4, procs, &begin);
    double init = 0;
    double cold = 0;
    double second = 0;
    double last = 0;
    struct footprint first = {0};
    int answered = 0;
    int connection = -1;
    for (int asked = 0;;) {
        if (connection < 0) {
            wait_readable(server);
            connection = accept4(server, NULL, NULL, SOCK_CLOEXEC);
            setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        }
        if (!read_request(connection)) {
            close(connection);
            connection = -1;
            continue;
        }
        double at = now_ms();
        if (strncmp(buffer, "GET ", 4) == 0) {
            init = asked == 0 ? at - begin : init;
            if (asked == 1) {
                first = look_at(pid);
                second = now_ms();
            }
            if (asked == 1 + warm) {
                break;
            }
            send_event(connection, event, size, asked++);
            continue;
        }
        char *line = strchr(buffer, '\r');
        *line = '\0';
        if (strstr(buffer, "/error")) {
            fail("the function answered with an error");
        }
        cold = answered == 0 ? at - begin : cold;
        last = at;
        answered++;
        static const char accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
                                       "Content-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
        write_all(connection, accepted, sizeof accepted - 1);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    printf("{\"init_ms\": %.4f, \"cold_ms\": %.4f, \"cold_cpu_ms\": %.4f, \"cold_faults\": %lu, "
           "\"warm_us\": %.3f, \"rss_mb\": %.2f, \"pss_mb\": %.2f, \"anon_mb\": %.2f}\n",
           init, cold, first.cpu_ms, first.faults, warm > 0 ? (last - second) * 1e3 / warm : 0.0,
           first.rss_mb, first.pss_mb, first.anon_mb);
    return 0;
}

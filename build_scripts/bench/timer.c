/* A Runtime API for one process that times it. C, so that the timer is not what gets measured.
 *
 *     timer [--procs FILE] [--silence-ms N] [--warm N] [--warm-ms N] EVENT_FILE -- COMMAND...
 *
 * Listens on a free port, starts COMMAND with AWS_LAMBDA_RUNTIME_API, hands out the event 1 + WARM
 * times (fewer when --warm-ms are over), kills the process when it asks for one more, and prints
 * one line of JSON: init_ms   from just before exec to its first GET …/next cold_ms   from just
 * before exec to its first response: what a caller waits for cpu_ms    CPU time of the process (all
 * threads, with its exec) when it asks for more minor_faults, major_faults   its page faults until
 * then: served from memory, read from a disk rss_mb, pss_mb, anon_mb   its memory then: all
 * resident pages; with those that other processes map too counted in part; those that no file holds
 *   warm_us   of every later invocation: from handing out the event to having the whole response
 *   warm_wall_ms   from the second …/next to the last response
 * or {"failed": KIND, "detail": TEXT} when the function does not get there; KIND is one of
 *   init-error, error, silent, exit, start
 * With --procs the process puts itself into the cgroup of that file (cgroup.procs) before the exec;
 * the timer stays out of it. Exit status 1 is trouble of the timer's own, told on stderr. */
#define _GNU_SOURCE
#include "footprint.h"
#include "http.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { CONNECTIONS = 8, SLICE_MS = 50, DETAIL = 4000 };

/* The whole measurement. */
struct run {
    const char *procs, *event_file;
    long silence_ms, warm, warm_ms;
    char *event;
    size_t event_size;
    pid_t pid;
    double begin, init, cold, handed_out, second, last;
    long asked, answered;
    double *latencies;
    struct footprint first;
    struct pollfd at[1 + CONNECTIONS]; /* the listening socket, then connections */
    nfds_t count;
    struct http_message request;
};

static char buffer[HTTP_BUFFER];

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Text as a JSON string; bytes above 127 as they are. */
static void print_string(const char *text, size_t size) {
    putchar('"');
    for (size_t i = 0; i < size && i < DETAIL; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 32) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void failed(struct run *r, const char *kind, const char *detail, size_t size) {
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    printf("{\"failed\": \"%s\", \"detail\": ", kind);
    print_string(detail, size);
    printf("}\n");
    exit(0);
}

static void check_alive(struct run *r) {
    int status;
    if (waitpid(r->pid, &status, WNOHANG) != r->pid) {
        return;
    }
    r->pid = 0;
    char text[80];
    int n = WIFSIGNALED(status) ? snprintf(text, sizeof text, "signal %d", WTERMSIG(status))
                                : snprintf(text, sizeof text, "status %d", WEXITSTATUS(status));
    failed(r, "exit", text, (size_t)n);
}

/* The connection that has something to say, once there is one. */
static nfds_t wait_for_request(struct run *r) {
    double end = now_ms() + (double)r->silence_ms;
    for (;;) {
        if (poll(r->at, r->count, SLICE_MS) <= 0) {
            check_alive(r);
            if (now_ms() > end) {
                char text[80];
                int n =
                    snprintf(text, sizeof text, "nothing for %.1f s", (double)r->silence_ms / 1e3);
                failed(r, "silent", text, (size_t)n);
            }
            continue;
        }
        for (nfds_t i = 1; i < r->count; i++) {
            if (r->at[i].revents) {
                return i;
            }
        }
        if (r->count > CONNECTIONS) {
            trouble("too many connections at a time");
        }
        int fd = accept4(r->at[0].fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            struct timeval limit = {.tv_sec = r->silence_ms / 1000 + 1};
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit); /* half a request */
            http_no_delay(fd);
            r->at[r->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
}

static void read_event(struct run *r) {
    FILE *file = fopen(r->event_file, "rb");
    if (!file) {
        trouble("cannot open the event file");
    }
    r->event = malloc(HTTP_BUFFER);
    r->event_size = r->event ? fread(r->event, 1, HTTP_BUFFER, file) : 0;
    fclose(file);
}

/* Starts the command in the cgroup; r->begin is the time just before its exec. A vfork: the child
 * works in this memory, and joining a cgroup may take the kernel longer than a whole cold start. */
static void start(struct run *r, char **command) {
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int group = r->procs ? open(r->procs, O_WRONLY | O_CLOEXEC) : -1;
    if (r->procs && group < 0) {
        trouble("cannot open the cgroup");
    }
    volatile bool joined = true;
    volatile int error = 0;
    volatile double begin = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        joined = group < 0 || write(group, "0", 1) == 1;
        if (!joined || dup2(null, 1) < 0) {
            _exit(127);
        }
        begin = now_ms();
        execvp(command[0], command);
        error = errno;
        _exit(127);
    }
    r->pid = pid;
    r->begin = begin;
    if (!joined) {
        trouble("cannot join the cgroup");
    }
    if (error) {
        failed(r, "start", strerror(error), strlen(strerror(error)));
    }
    close(null);
    if (group >= 0) {
        close(group);
    }
}

static void send_event(struct run *r, int fd) {
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
                 (unsigned)r->asked, (long long)time(NULL) * 1000 + r->silence_ms, r->event_size);
    r->handed_out = now_ms();
    if (!http_write(fd, head, (size_t)n) || !http_write(fd, r->event, r->event_size)) {
        check_alive(r);
    }
}

/* A GET …/next; false when the measurement is complete. */
static bool serve_next(struct run *r, int fd, double at) {
    if (r->asked == 0) {
        r->init = at - r->begin;
    } else if (r->asked == 1) {
        r->first = footprint_of(r->pid, buffer, sizeof buffer);
        r->second = r->last = now_ms();
    }
    if (r->asked == 1 + r->warm || (r->asked > 1 && r->last - r->second > (double)r->warm_ms)) {
        return false;
    }
    r->asked++;
    send_event(r, fd);
    return true;
}

static void serve_response(struct run *r, int fd, double at) {
    const char *body = r->request.data + r->request.head;
    size_t size = r->request.size - r->request.head;
    *strchr(r->request.data, '\r') = '\0';
    if (strstr(r->request.data, "/init/error")) {
        failed(r, "init-error", body, size);
    }
    if (strstr(r->request.data, "/error")) {
        failed(r, "error", body, size);
    }
    if (r->answered == 0) {
        r->cold = at - r->begin;
    } else {
        r->latencies[r->answered - 1] = (at - r->handed_out) * 1e3;
    }
    r->last = at;
    r->answered++;
    static const char accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
                                   "Content-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
    http_write(fd, accepted, sizeof accepted - 1);
}

static void print(const struct run *r) {
    printf("{\"init_ms\": %.4f, \"cold_ms\": %.4f, \"cpu_ms\": %.4f, \"minor_faults\": %lu, "
           "\"major_faults\": %lu, \"rss_mb\": %.2f, \"pss_mb\": %.2f, \"anon_mb\": %.2f",
           r->init, r->cold, r->first.cpu_ms, r->first.minor_faults, r->first.major_faults,
           r->first.rss_mb, r->first.pss_mb, r->first.anon_mb);
    if (r->answered > 1) {
        printf(", \"warm_wall_ms\": %.3f, \"warm_us\": [", r->last - r->second);
        for (long i = 0; i < r->answered - 1; i++) {
            printf("%s%.1f", i ? ", " : "", r->latencies[i]);
        }
        printf("]");
    }
    printf("}\n");
}

/* Takes the options; the index of the command. */
static int options(struct run *r, int argc, char **argv) {
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--procs") == 0) {
            r->procs = argv[i + 1];
        } else if (strcmp(argv[i], "--silence-ms") == 0) {
            r->silence_ms = atol(argv[i + 1]);
        } else if (strcmp(argv[i], "--warm") == 0) {
            r->warm = atol(argv[i + 1]);
        } else if (strcmp(argv[i], "--warm-ms") == 0) {
            r->warm_ms = atol(argv[i + 1]);
        }
    }
    if (i + 2 >= argc || strcmp(argv[i + 1], "--") != 0) {
        trouble("usage: timer [--procs FILE] [--silence-ms N] [--warm N] [--warm-ms N] EVENT_FILE "
                "-- COMMAND...");
    }
    r->event_file = argv[i];
    return i + 2;
}

int main(int argc, char **argv) {
    static struct run r = {.silence_ms = 60000, .warm_ms = 3600000};
    r.request.data = buffer;
    int command = options(&r, argc, argv);
    r.latencies = malloc((size_t)(r.warm + 1) * sizeof *r.latencies);
    read_event(&r);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address;
    r.at[0] = (struct pollfd){.fd = http_listen(0, &address), .events = POLLIN};
    r.count = 1;
    if (r.at[0].fd < 0 || !r.latencies) {
        trouble("cannot listen");
    }
    char api[64];
    snprintf(api, sizeof api, "127.0.0.1:%d", ntohs(address.sin_port));
    setenv("AWS_LAMBDA_RUNTIME_API", api, 1);
    start(&r, argv + command);
    for (;;) {
        nfds_t i = wait_for_request(&r);
        int fd = r.at[i].fd;
        if (!http_read(fd, &r.request)) {
            close(fd);
            r.at[i] = r.at[--r.count];
            continue;
        }
        double at = now_ms();
        if (strncmp(buffer, "GET ", 4) == 0) {
            if (!serve_next(&r, fd, at)) {
                break;
            }
        } else {
            serve_response(&r, fd, at);
        }
    }
    kill(r.pid, SIGKILL);
    waitpid(r.pid, NULL, 0);
    print(&r);
    return 0;
}

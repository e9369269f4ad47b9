/* A Runtime API for one process that times it. C, so that the timer is not what gets measured.
 *
 *     timer WARM EVENT_FILE -- COMMAND...
 *
 * Listens on a free port, starts COMMAND with AWS_LAMBDA_RUNTIME_API, hands out the event 1 + WARM
 * times, kills the process, prints one line of JSON:
 *   init_ms   from just before exec to its first GET …/next
 *   cold_ms   from just before exec to its first response: what a caller waits for
 *   warm_us   one later invocation, mean over WARM: from the second …/next to the last response
 *   cpu_ms, rss_mb   of the process, from wait4
 * Exit status 1 with the reason on stderr when the function fails or says nothing for 20 s. */
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SILENCE_MS = 20000, BUFFER = 1 << 24 };

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
        fail("no request for 20 s");
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
    *address = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof *address;
    if (bind(fd, (struct sockaddr *)address, size) || listen(fd, 16) ||
        getsockname(fd, (struct sockaddr *)address, &size)) {
        fail("cannot listen");
    }
    return fd;
}

static pid_t start(char **command) {
    pid_t pid = vfork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        execvp(command[0], command);
        _exit(127);
    }
    return pid;
}

static void send_event(int fd, const char *event, size_t size, int number) {
    char head[512];
    int n = snprintf(head, sizeof head,
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
    if (argc < 5 || strcmp(argv[3], "--") != 0) {
        fail("usage: timer WARM EVENT_FILE -- COMMAND...");
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

    double begin = now_ms();
    pid_t pid = start(argv + 4);
    double init = 0;
    double cold = 0;
    double second = 0;
    double last = 0;
    int asked = 0;
    int connection = -1;
    for (int answered = 0; answered < 1 + warm;) {
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
            second = asked == 1 ? at : second;
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
    int status;
    struct rusage use;
    wait4(pid, &status, 0, &use);
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
    printf("{\"init_ms\": %.4f, \"cold_ms\": %.4f, \"warm_us\": %.3f, \"cpu_ms\": %.3f, "
           "\"rss_mb\": %.2f}\n",
           init, cold, warm > 1 ? (last - second) * 1e3 / (warm) : 0.0, cpu,
           (double)use.ru_maxrss / 1024.0);
    return 0;
}

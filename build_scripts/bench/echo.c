/* What the machine can do: a static program that answers every event with a constant.
 *
 * With ECHO_SLEEP_US it sleeps so long before its first answer: the benchmark's own test has to
 * find exactly that. */
#define _GNU_SOURCE
#include "http.h"
#include <sys/prctl.h>
#include <time.h>

static char buffer[HTTP_BUFFER];

static void sleep_us(long us) {
    prctl(PR_SET_TIMERSLACK, 1); /* or the kernel adds up to 50 µs */
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&t, NULL);
}

static int join(const char *api) {
    char host[64];
    int port;
    if (!api || sscanf(api, "%63[^:]:%d", host, &port) != 2) {
        exit(2);
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    inet_aton(host, &address.sin_addr);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        exit(1);
    }
    http_no_delay(fd);
    return fd;
}

static void exchange(int fd, const char *text, int size, struct http_message *answer) {
    if (!http_write(fd, text, (size_t)size) || !http_read(fd, answer)) {
        exit(0);
    }
}

int main(void) {
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    const char *pause = getenv("ECHO_SLEEP_US");
    int fd = join(api);
    static const char body[] = "{\"message\":\"hello world\"}";
    char next[512];
    int next_size =
        snprintf(next, sizeof next,
                 "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", api);
    struct http_message answer = {.data = buffer};
    for (bool first = true;; first = false) {
        exchange(fd, next, next_size, &answer);
        char id[64];
        char *header = http_header(&answer, "request-id:");
        if (!header || sscanf(header, " %63[^\r]", id) != 1) {
            return 1;
        }
        if (first && pause) {
            sleep_us(strtol(pause, NULL, 10));
        }
        char response[768];
        int size = snprintf(response, sizeof response,
                            "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\n"
                            "Host: %s\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                            id, api, sizeof body - 1, body);
        exchange(fd, response, size, &answer);
    }
}

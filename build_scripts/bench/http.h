/* The little of HTTP/1.1 that the benchmark's own programs speak (timer.c, echo.c, stub.c). */
#ifndef NB_BENCH_HTTP_H
#define NB_BENCH_HTTP_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HTTP_BUFFER = 1 << 24, HTTP_UNTIL_LAST_CHUNK = -1 };

/* One message as it came; `data` is NUL-terminated, the body begins at `head`. */
struct http_message {
    char *data;
    size_t size, head;
};

/* A header's value within the head of the message, or NULL. `name` is like "\r\ncontent-length:" */
static inline char *http_header(const struct http_message *m, const char *name) {
    char *found = strcasestr(m->data, name);
    return found && found < m->data + m->head ? found + strlen(name) : NULL;
}

static inline bool http_write(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n <= 0) {
            return false;
        }
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* How long the message is with its body, as far as its head says; asks a client that waits for
 * permission to send its body (libcurl does from 1 MB on) to go on. */
static inline ssize_t http_whole(const struct http_message *m, int fd) {
    char *expect = http_header(m, "\r\nexpect: 100");
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (expect) {
        http_write(fd, go_on, sizeof go_on - 1);
    }
    if (http_header(m, "\r\ntransfer-encoding: chunked")) {
        return HTTP_UNTIL_LAST_CHUNK;
    }
    char *length = http_header(m, "\r\ncontent-length:");
    return (ssize_t)(m->head + (length ? strtoul(length, NULL, 10) : 0));
}

/* Reads one message into m->data (HTTP_BUFFER bytes). False when the peer closed the connection or
 * sent more than fits. Blocks: callers that may not wait poll before, and peers send at once. */
static inline bool http_read(int fd, struct http_message *m) {
    static const char last_chunk[] = "\r\n0\r\n\r\n";
    const size_t mark = sizeof last_chunk - 1;
    ssize_t whole = 0;
    m->size = m->head = 0;
    for (;;) {
        ssize_t n = read(fd, m->data + m->size, HTTP_BUFFER - m->size - 1);
        if (n <= 0) {
            return false;
        }
        m->size += (size_t)n;
        m->data[m->size] = '\0';
        char *end = m->head ? NULL : strstr(m->data, "\r\n\r\n");
        if (end) {
            m->head = (size_t)(end - m->data) + 4;
            whole = http_whole(m, fd);
        }
        if (m->head && whole == HTTP_UNTIL_LAST_CHUNK) {
            if (m->size >= m->head + mark - 2 &&
                memcmp(m->data + m->size - mark, last_chunk, mark) == 0) {
                return true;
            }
        } else if (m->head && m->size >= (size_t)whole) {
            return true;
        }
    }
}

static inline void http_no_delay(int fd) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

/* Listens on the loopback interface; `port` 0: any. -1 with errno when that is not to be had. */
static inline int http_listen(int port, struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((unsigned short)port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof *address;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)address, size) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)address, &size)) {
        return -1;
    }
    return fd;
}

#endif

/* See nb_client.h for the contract. */
#include "nb_client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define NB_CLIENT_INPUT ((size_t)16 << 10) /* one read for any ordinary head with its body */
#define NB_CLIENT_KEEP ((size_t)1 << 20)   /* larger buffers are given back after the request */

static int nb_client_fail(struct nb_client *c, int result, int number, const char *what) {
    c->error_number = number;
    snprintf(c->error, sizeof c->error, "Runtime API at %s: %s%s%s", c->authority, what,
             number != 0 ? ": " : "", number != 0 ? strerror(number) : "");
    if (result != NB_CLIENT_E_ADDRESS)
        nb_client_close(c);
    return result;
}

/* ---- buffers ---- */

static bool nb_buffer_reserve(struct nb_buffer *b, size_t more) {
    if (b->size - b->used >= more)
        return true;
    size_t size = b->size > 0 ? b->size : 512;
    while (size - b->used < more)
        size *= 2;
    char *data = realloc(b->data, size);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->size = size;
    return true;
}

static void nb_buffer_add(struct nb_buffer *b, const char *data, size_t n) {
    if (n == 0 || b->failed || !nb_buffer_reserve(b, n))
        return;
    memcpy(b->data + b->used, data, n);
    b->used += n;
}

static void nb_buffer_free(struct nb_buffer *b) {
    free(b->data);
    *b = (struct nb_buffer){0};
}

/* ---- the address ---- */

/* Splits "host:port", "[v6]:port" or "host" (port 80, as the reference client's library has it). */
static bool nb_client_split(struct nb_client *c, const char *s, size_t n) {
    const char *host = s, *host_end = s + n, *port = "80";
    size_t port_n = 2;
    const char *end = s + n, *colon;
    if (n > 0 && *s == '[') {
        const char *close = memchr(s, ']', n);
        if (close == NULL || (close + 1 < end && close[1] != ':'))
            return false;
        host = s + 1;
        host_end = close;
        colon = close + 1 < end ? close + 1 : NULL;
    } else {
        colon = memchr(s, ':', n);
        if (colon != NULL)
            host_end = colon;
    }
    if (colon != NULL) {
        port = colon + 1;
        port_n = (size_t)(end - port);
    }
    if (host == host_end || (size_t)(host_end - host) >= sizeof c->host || port_n == 0 ||
        port_n > 5)
        return false;
    for (const char *p = host; p < host_end; p++)
        if ((unsigned char)*p <= ' ' || *p == '@' || *p == 0x7f)
            return false;
    for (size_t i = 0; i < port_n; i++)
        if (port[i] < '0' || port[i] > '9')
            return false;
    snprintf(c->host, sizeof c->host, "%.*s", (int)(host_end - host), host);
    snprintf(c->port, sizeof c->port, "%.*s", (int)port_n, port);
    long number = strtol(c->port, NULL, 10);
    return number > 0 && number <= 65535;
}

int nb_client_init(struct nb_client *c, const char *api, const char *user_agent) {
    memset(c, 0, sizeof *c);
    c->fd = -1;
    const char *slash = strchr(api, '/');
    size_t n = slash != NULL ? (size_t)(slash - api) : strlen(api);
    snprintf(c->authority, sizeof c->authority, "%.*s", (int)(n < 271 ? n : 271), api);
    if (!nb_client_split(c, api, n)) {
        c->error_number = EINVAL;
        snprintf(c->error, sizeof c->error,
                 "the Runtime API's address must be host:port or host:port/prefix, not \"%.200s\"",
                 api);
        return NB_CLIENT_E_ADDRESS;
    }
    c->prefix = strdup(slash != NULL ? slash : "");
    size_t common = strlen(c->authority) + strlen(user_agent) + 64;
    c->common = malloc(common);
    if (c->prefix == NULL || c->common == NULL || !nb_buffer_reserve(&c->input, NB_CLIENT_INPUT)) {
        nb_client_free(c);
        return nb_client_fail(c, NB_CLIENT_E_MEMORY, ENOMEM, "starting");
    }
    size_t prefix_n = strlen(c->prefix);
    while (prefix_n > 0 && c->prefix[prefix_n - 1] == '/') /* paths bring their own slash */
        c->prefix[--prefix_n] = '\0';
    c->common_length = (size_t)snprintf(
        c->common, common, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", c->authority, user_agent);
    return 0;
}

void nb_client_close(struct nb_client *c) {
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->unfinished = false;
}

void nb_client_free(struct nb_client *c) {
    nb_client_close(c);
    free(c->prefix);
    free(c->common);
    c->prefix = c->common = NULL;
    nb_buffer_free(&c->head);
    nb_buffer_free(&c->input);
    nb_buffer_free(&c->body);
}

/* ---- connecting ---- */

static bool nb_client_abandon(struct nb_client *c) {
    return c->interrupted != NULL && c->interrupted(c->context) != 0;
}

/* Waits for `events`; 0, or a failure. */
static int nb_client_wait(struct nb_client *c, short events, short *got) {
    struct pollfd wait = {.fd = c->fd, .events = events};
    while (poll(&wait, 1, -1) < 0) {
        if (errno != EINTR)
            return nb_client_fail(c, NB_CLIENT_E_CLOSED, errno, "cannot wait");
        if (nb_client_abandon(c))
            return nb_client_fail(c, NB_CLIENT_E_INTERRUPTED, EINTR, "request abandoned");
    }
    *got = wait.revents;
    return 0;
}

/* Tries one address: 0, NB_CLIENT_E_INTERRUPTED, or errno's value. */
static int nb_client_try(struct nb_client *c, const struct sockaddr *address, socklen_t length) {
    c->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return errno;
    int failure = connect(c->fd, address, length) == 0 ? 0 : errno;
    if (failure == EINTR) { /* the attempt goes on by itself (POSIX connect) */
        short got;
        socklen_t size = sizeof failure;
        if (nb_client_abandon(c) || nb_client_wait(c, POLLOUT, &got) != 0) {
            nb_client_close(c);
            return NB_CLIENT_E_INTERRUPTED;
        }
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
            failure = errno;
    }
    if (failure != 0) {
        nb_client_close(c);
        return failure;
    }
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only latency depends on it */
    return 0;
}

static int nb_client_try_each(struct nb_client *c, const char *host, int *failure) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list;
    int code = getaddrinfo(host, c->port, &hints, &list);
    if (code != 0)
        return code;
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        *failure = nb_client_try(c, a->ai_addr, a->ai_addrlen);
        if (*failure == 0 || *failure == NB_CLIENT_E_INTERRUPTED)
            break;
    }
    freeaddrinfo(list);
    return 0;
}

static int nb_client_connect(struct nb_client *c) {
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    int failure = 0, code = 0;
    if (strcmp(c->host, "localhost") == 0) { /* must work without /etc/hosts, in an empty root */
        for (size_t i = 0; i < 2 && (i == 0 || failure > 0); i++)
            code = nb_client_try_each(c, loopback[i], &failure);
    } else {
        code = nb_client_try_each(c, c->host, &failure);
    }
    if (failure == NB_CLIENT_E_INTERRUPTED)
        return nb_client_fail(c, NB_CLIENT_E_INTERRUPTED, EINTR, "request abandoned");
    if (code != 0) {
        char what[128];
        snprintf(what, sizeof what, "cannot find the host: %s", gai_strerror(code));
        return nb_client_fail(c, NB_CLIENT_E_CONNECT, 0, what);
    }
    if (failure != 0)
        return nb_client_fail(c, NB_CLIENT_E_CONNECT, failure, "cannot connect");
    return 0;
}

/* Is there something on a connection that should be silent? A peer that has hung up, or bytes that
 * nobody asked for: taken for the next answer, they would put every later one off by one. */
static bool nb_client_is_stale(const struct nb_client *c) {
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* ---- sending ---- */

void nb_client_start(struct nb_client *c, const char *method, const char *path,
                     size_t path_length) {
    c->head.used = 0;
    c->head.failed = false;
    nb_buffer_add(&c->head, method, strlen(method));
    nb_buffer_add(&c->head, " ", 1);
    nb_buffer_add(&c->head, c->prefix, strlen(c->prefix));
    nb_buffer_add(&c->head, path, path_length);
    nb_buffer_add(&c->head, c->common, c->common_length);
}

void nb_client_header(struct nb_client *c, const char *name, size_t name_length, const char *value,
                      size_t value_length) {
    nb_buffer_add(&c->head, name, name_length);
    nb_buffer_add(&c->head, ": ", 2);
    nb_buffer_add(&c->head, value, value_length);
    nb_buffer_add(&c->head, "\r\n", 2);
}

static bool nb_client_is_gone(int number) {
    return number == EPIPE || number == ECONNRESET || number == ECONNABORTED || number == ENOTCONN;
}

/* Sends head and body. Stops early, with c->unfinished, when the peer answers or hangs up before it
 * has read all: whether it answered is then for the reading side to find out. */
static int nb_client_write(struct nb_client *c, const char *body, size_t length) {
    struct iovec parts[2] = {{c->head.data, c->head.used}, {(char *)body, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = length > 0 ? 2 : 1};
    while (message.msg_iovlen > 0) {
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            for (; message.msg_iovlen > 0 && (size_t)n >= message.msg_iov->iov_len;
                 message.msg_iovlen--)
                n -= (ssize_t)message.msg_iov++->iov_len;
            if (message.msg_iovlen > 0) {
                message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + n;
                message.msg_iov->iov_len -= (size_t)n;
            }
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            short got;
            int result = nb_client_wait(c, POLLIN | POLLOUT, &got);
            if (result != 0)
                return result;
            if ((got & POLLOUT) == 0) {
                c->unfinished = true;
                return 0;
            }
        } else if (errno == EINTR) {
            if (nb_client_abandon(c))
                return nb_client_fail(c, NB_CLIENT_E_INTERRUPTED, EINTR, "request abandoned");
        } else if (nb_client_is_gone(errno)) {
            c->unfinished = true;
            return 0;
        } else {
            return nb_client_fail(c, NB_CLIENT_E_CLOSED, errno, "cannot send");
        }
    }
    return 0;
}

/* ---- receiving ---- */

/* Reads at least one byte: their count, 0 when the peer closed or reset, or a failure. */
static ssize_t nb_client_receive(struct nb_client *c, char *dest, size_t room) {
    for (;;) {
        ssize_t n = recv(c->fd, dest, room, 0);
        if (n >= 0)
            return n;
        if (errno == EINTR) {
            if (nb_client_abandon(c))
                return nb_client_fail(c, NB_CLIENT_E_INTERRUPTED, EINTR, "request abandoned");
        } else if (nb_client_is_gone(errno)) {
            return 0;
        } else {
            return nb_client_fail(c, NB_CLIENT_E_TRUNCATED, errno, "cannot receive");
        }
    }
}

static int nb_client_bad(struct nb_client *c, int code) {
    char what[128];
    if (code == NB_HTTP_E_TRUNCATED)
        return nb_client_fail(c, NB_CLIENT_E_TRUNCATED, 0, nb_http_error(code));
    snprintf(what, sizeof what, "not a valid HTTP answer: %s", nb_http_error(code));
    return nb_client_fail(c, NB_CLIENT_E_PROTOCOL, 0, what);
}

static int nb_client_read_head(struct nb_client *c) {
    c->input.used = c->input_taken = 0;
    nb_http_begin(&c->http, false);
    for (;;) {
        if (!nb_buffer_reserve(&c->input, NB_CLIENT_INPUT / 4))
            return nb_client_fail(c, NB_CLIENT_E_MEMORY, ENOMEM, "reading the answer");
        ssize_t n =
            nb_client_receive(c, c->input.data + c->input.used, c->input.size - c->input.used);
        if (n < 0)
            return (int)n;
        if (n == 0 && c->input.used == 0)
            return nb_client_fail(c, NB_CLIENT_E_CLOSED, 0,
                                  "the connection was closed without an answer");
        if (n == 0)
            return nb_client_bad(c, NB_HTTP_E_TRUNCATED);
        c->input.used += (size_t)n;
        ptrdiff_t taken = nb_http_head(&c->http, c->input.data, c->input.used);
        if (taken > 0) {
            c->input_taken = (size_t)taken;
            return 0;
        }
        if (taken != NB_HTTP_PARTIAL)
            return nb_client_bad(c, (int)taken);
    }
}

int nb_client_send(struct nb_client *c, const char *body, size_t length, bool long_wait) {
    if (body != NULL) {
        char line[48];
        int n = snprintf(line, sizeof line, "Content-Length: %zu\r\n", length);
        nb_buffer_add(&c->head, line, (size_t)n);
    }
    nb_buffer_add(&c->head, "\r\n", 2);
    if (c->head.failed)
        return nb_client_fail(c, NB_CLIENT_E_MEMORY, ENOMEM, "building the request");
    if (long_wait && c->idle != NULL)
        c->idle();
    if (c->fd >= 0 && nb_client_is_stale(c))
        nb_client_close(c);
    for (;;) {
        bool reused = c->fd >= 0;
        int result = reused ? 0 : nb_client_connect(c);
        if (result != 0)
            return result;
        result = nb_client_write(c, body, length);
        if (result == 0)
            result = nb_client_read_head(c);
        if (result != NB_CLIENT_E_CLOSED || !reused)
            return result;
    }
}

/* ---- the body ---- */

bool nb_client_body_size(const struct nb_client *c, size_t *size) {
    *size = (size_t)c->http.remaining; /* at most NB_HTTP_MAX_BODY */
    return c->http.framing == NB_HTTP_LENGTH;
}

int nb_client_read(struct nb_client *c, char *dest) {
    size_t size = (size_t)c->http.remaining, have = c->input.used - c->input_taken, out;
    if (have > size)
        have = size;
    memcpy(dest, c->input.data + c->input_taken, have);
    c->input_taken += have;
    nb_http_body(&c->http, dest, &have, &out);
    for (size_t got = have; got < size;) {
        ssize_t n = nb_client_receive(c, dest + got, size - got);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return nb_client_bad(c, nb_http_eof(&c->http));
        size_t used = (size_t)n;
        nb_http_body(&c->http, dest + got, &used, &out);
        got += used;
    }
    return 0;
}

int nb_client_collect(struct nb_client *c, const char **data, size_t *size) {
    size_t have = c->input.used - c->input_taken;
    c->body.used = 0;
    c->body.failed = false;
    if (nb_buffer_reserve(&c->body, have + NB_CLIENT_INPUT))
        memcpy(c->body.data, c->input.data + c->input_taken, have);
    c->input_taken = c->input.used;
    for (;;) { /* `have` raw bytes stand behind the body so far */
        if (c->body.failed)
            return nb_client_fail(c, NB_CLIENT_E_MEMORY, ENOMEM, "reading the answer");
        size_t used = have, out;
        int result = nb_http_body(&c->http, c->body.data + c->body.used, &used, &out);
        if (result < 0 && result != NB_HTTP_PARTIAL)
            return nb_client_bad(c, result);
        c->body.used += out;
        if (result == NB_HTTP_DONE) {
            c->unfinished |= used < have; /* bytes behind the answer: nobody asked for them */
            break;
        }
        if (!nb_buffer_reserve(&c->body, NB_CLIENT_INPUT))
            continue;
        ssize_t n = nb_client_receive(c, c->body.data + c->body.used, c->body.size - c->body.used);
        if (n < 0)
            return (int)n;
        if (n == 0) {
            result = nb_http_eof(&c->http);
            if (result != NB_HTTP_DONE)
                return nb_client_bad(c, result);
            break;
        }
        have = (size_t)n;
    }
    *data = c->body.data;
    *size = c->body.used;
    return 0;
}

void nb_client_finish(struct nb_client *c) {
    if (!c->http.keep_alive || c->unfinished || c->input_taken != c->input.used)
        nb_client_close(c);
    if (c->body.size > NB_CLIENT_KEEP)
        nb_buffer_free(&c->body);
    if (c->head.size > NB_CLIENT_KEEP)
        nb_buffer_free(&c->head);
}

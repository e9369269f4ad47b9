/* nb_client.c against a real server on the loopback, which plays a script: answers in one piece and
 * byte by byte, closed and reset connections at every point, answers before the request has been
 * read, garbage, large bodies. */
#include "nb_client.c"
#include "nb_http.c"

#include "check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>

/* ---- the server ---- */

enum action {
    END,
    ACCEPT,
    READ,   /* one request; `text` must occur in it */
    WRITE,  /* `text` */
    BYTES,  /* `text`, one write per byte */
    LARGE,  /* `number` bytes of 'L' */
    SINK,   /* reads `number` bytes */
    PAUSE,  /* `number` milliseconds */
    SIGNAL, /* SIGUSR1 to the client's thread */
    RESET,
    CLOSE,
};

struct step {
    enum action action;
    const char *text;
    size_t number;
};

struct server {
    int listener, connection;
    const struct step *script;
    pthread_t thread, client;
};

static void server_write(struct server *s, const char *data, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t sent = send(s->connection, data + done, n - done, MSG_NOSIGNAL);
        if (sent < 0)
            return; /* the client has hung up, as some scripts want */
        done += (size_t)sent;
    }
}

static void server_read(struct server *s, const char *expected) {
    static char request[1 << 16];
    size_t used = 0, need = 0;
    while (need == 0 || used < need) {
        ssize_t n = recv(s->connection, request + used, sizeof request - 1 - used, 0);
        CHECK(n > 0);
        used += (size_t)n;
        request[used] = '\0';
        char *end = strstr(request, "\r\n\r\n"), *length = strstr(request, "Content-Length: ");
        if (end != NULL)
            need =
                (size_t)(end + 4 - request) + (length != NULL ? strtoul(length + 16, NULL, 10) : 0);
    }
    if (strstr(request, expected) == NULL)
        fprintf(stderr, "expected %s in:\n%s\n", expected, request);
    CHECK(used == need && strstr(request, expected) != NULL);
}

static void server_large(struct server *s, size_t n) {
    static char block[1 << 16];
    memset(block, 'L', sizeof block);
    for (size_t part; n > 0; n -= part) {
        part = n < sizeof block ? n : sizeof block;
        server_write(s, block, part);
    }
}

static void server_sink(struct server *s, size_t n) {
    static char block[1 << 16];
    for (ssize_t part; n > 0; n -= (size_t)part) {
        part = recv(s->connection, block, n < sizeof block ? n : sizeof block, 0);
        CHECK(part > 0);
    }
}

static void server_step(struct server *s, const struct step *step) {
    struct linger now = {.l_onoff = 1};
    switch (step->action) {
    case ACCEPT:
        s->connection = accept(s->listener, NULL, NULL);
        CHECK(s->connection >= 0);
        break;
    case READ:
        server_read(s, step->text);
        break;
    case WRITE:
        server_write(s, step->text, strlen(step->text));
        break;
    case BYTES:
        for (const char *p = step->text; *p != '\0'; p++) {
            server_write(s, p, 1);
            usleep(200);
        }
        break;
    case LARGE:
        server_large(s, step->number);
        break;
    case SINK:
        server_sink(s, step->number);
        break;
    case PAUSE:
        usleep((useconds_t)step->number * 1000);
        break;
    case SIGNAL:
        pthread_kill(s->client, SIGUSR1);
        break;
    case RESET:
        setsockopt(s->connection, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(s->connection);
        break;
    default:
        close(s->connection);
    }
}

static void *server_run(void *argument) {
    struct server *s = argument;
    for (const struct step *step = s->script; step->action != END; step++)
        server_step(s, step);
    return NULL;
}

static int port;

static void server_start(struct server *s, const struct step *script) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int on = 1;
    *s = (struct server){
        .listener = socket(AF_INET, SOCK_STREAM, 0), .script = script, .client = pthread_self()};
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    CHECK(bind(s->listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(s->listener, 8) == 0);
    CHECK(getsockname(s->listener, (struct sockaddr *)&address, &length) == 0);
    port = ntohs(address.sin_port);
    CHECK(pthread_create(&s->thread, NULL, server_run, s) == 0);
}

static void server_stop(struct server *s) {
    pthread_join(s->thread, NULL);
    close(s->listener);
}

/* ---- the client ---- */

static struct nb_client client;

static void client_open(const char *host, const char *prefix) {
    char api[300];
    snprintf(api, sizeof api, "%s:%d%s", host, port, prefix);
    CHECK(nb_client_init(&client, api, "test/1") == 0);
}

/* One request; the body ends up in `body` when it is short. Returns the status, or an error below
 * 0. */
static char body[64];
static size_t body_size;

static int request(const char *method, const char *path, const char *data, size_t size) {
    nb_client_start(&client, method, path, strlen(path));
    nb_client_header(&client, "X-Test", 6, "yes", 3);
    int result = nb_client_send(&client, data, size, false);
    if (result != 0)
        return result;
    int status = client.http.status;
    size_t known;
    if (nb_client_body_size(&client, &known)) {
        char *dest = malloc(known > 0 ? known : 1);
        result = nb_client_read(&client, dest);
        if (result == 0) {
            body_size = known;
            snprintf(body, sizeof body, "%.*s", (int)(known < 63 ? known : 63), dest);
            CHECK(known < 64 || (dest[known / 2] == 'L' && dest[known - 1] == 'L'));
        }
        free(dest);
    } else {
        const char *collected;
        result = nb_client_collect(&client, &collected, &body_size);
        if (result == 0)
            snprintf(body, sizeof body, "%.*s", (int)(body_size < 63 ? body_size : 63), collected);
    }
    if (result != 0)
        return result;
    nb_client_finish(&client);
    return status;
}

static int get(void) {
    return request("GET", "/next", NULL, 0);
}

#define OK(length, text) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" text
#define SCRIPT(...)                                                                                \
    const struct step script[] = {__VA_ARGS__, {.action = END}};                                   \
    struct server server;                                                                          \
    server_start(&server, script)
#define STEP(kind, ...)                                                                            \
    { .action = kind, __VA_ARGS__ }
#define TEXT(kind, words)                                                                          \
    { .action = kind, .text = words }

static void test_keep_alive(void) {
    SCRIPT(STEP(ACCEPT), TEXT(READ, "GET /P/next HTTP/1.1\r\nHost: 127.0.0.1:"),
           TEXT(WRITE, OK("2", "hi")), TEXT(READ, "POST /P/response HTTP/1.1\r\n"),
           TEXT(WRITE, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"),
           TEXT(READ, "User-Agent: test/1\r\nX-Test: yes\r\n\r\n"), TEXT(BYTES, OK("3", "abc")),
           TEXT(READ, "Content-Length: 0\r\n"),
           TEXT(WRITE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
           TEXT(BYTES, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), TEXT(READ, "GET"),
           TEXT(WRITE, "HTTP/1.1 200 OK\r\n\r\nto the end"), STEP(CLOSE));
    client_open("127.0.0.1", "/P/");
    CHECK(get() == 200 && strcmp(body, "hi") == 0);
    CHECK(request("POST", "/response", "{}", 2) == 202 && body_size == 0);
    CHECK(get() == 200 && strcmp(body, "abc") == 0);
    CHECK(request("POST", "/response", "", 0) == 200 && strcmp(body, "abc") == 0);
    CHECK(get() == 200 && strcmp(body, "to the end") == 0);
    CHECK(client.fd == -1);
    nb_client_free(&client);
    server_stop(&server);
}

static void test_reconnect(void) {
    SCRIPT(STEP(ACCEPT), TEXT(READ, "GET"), TEXT(WRITE, OK("1", "1")),
           STEP(CLOSE), /* between two requests */
           STEP(ACCEPT), TEXT(READ, "POST"), TEXT(WRITE, OK("1", "2")), TEXT(READ, "GET"),
           STEP(RESET), /* after a request, no byte of the answer */
           STEP(ACCEPT), TEXT(READ, "GET"), TEXT(WRITE, OK("1", "3")), TEXT(READ, "GET"),
           STEP(CLOSE), STEP(ACCEPT), TEXT(READ, "GET"), STEP(CLOSE)); /* the second time counts */
    client_open("127.0.0.1", "");
    CHECK(get() == 200 && body[0] == '1');
    usleep(20000);
    CHECK(request("POST", "/x", "data", 4) == 200 && body[0] == '2');
    CHECK(get() == 200 && body[0] == '3');
    CHECK(get() == NB_CLIENT_E_CLOSED);
    CHECK(strstr(client.error, "without an answer") != NULL);
    nb_client_free(&client);
    server_stop(&server);
}

/* A fresh connection is not tried twice, and a started answer is never asked for again. */
static void test_no_repeat(void) {
    SCRIPT(STEP(ACCEPT), TEXT(READ, "GET"), STEP(CLOSE), STEP(ACCEPT), TEXT(READ, "GET"),
           TEXT(WRITE, OK("1", "1")), TEXT(READ, "GET"), TEXT(WRITE, "H"), STEP(CLOSE),
           STEP(ACCEPT), TEXT(READ, "GET"), TEXT(WRITE, OK("9", "short")), STEP(CLOSE),
           STEP(ACCEPT), TEXT(READ, "GET"),
           TEXT(WRITE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
           STEP(RESET));
    client_open("127.0.0.1", "");
    CHECK(get() == NB_CLIENT_E_CLOSED);
    CHECK(get() == 200);
    CHECK(get() == NB_CLIENT_E_TRUNCATED);
    CHECK(get() == NB_CLIENT_E_TRUNCATED);
    CHECK(get() == NB_CLIENT_E_TRUNCATED);
    CHECK(strstr(client.error, "in the middle of the answer") != NULL);
    nb_client_free(&client);
    server_stop(&server);
}

static void test_garbage(void) {
    SCRIPT(STEP(ACCEPT), TEXT(READ, "GET"), TEXT(WRITE, "SSH-2.0-x\r\n"), STEP(PAUSE, .number = 20),
           STEP(CLOSE), STEP(ACCEPT), TEXT(READ, "GET"),
           TEXT(WRITE, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), STEP(CLOSE),
           STEP(ACCEPT), TEXT(READ, "GET"),
           TEXT(WRITE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), STEP(CLOSE),
           STEP(ACCEPT), TEXT(READ, "GET"), TEXT(WRITE, OK("1", "1and something nobody asked for")),
           STEP(ACCEPT), TEXT(READ, "GET"), TEXT(WRITE, OK("1", "2")), STEP(CLOSE));
    client_open("127.0.0.1", "");
    CHECK(get() == NB_CLIENT_E_PROTOCOL && strstr(client.error, "malformed status line") != NULL);
    CHECK(get() == NB_CLIENT_E_PROTOCOL && strstr(client.error, "larger than 32 MB") != NULL);
    CHECK(get() == NB_CLIENT_E_PROTOCOL && strstr(client.error, "malformed chunk") != NULL);
    CHECK(get() == 200 && body[0] == '1' && client.fd == -1);
    CHECK(get() == 200 && body[0] == '2');
    nb_client_free(&client);
    server_stop(&server);
}

#define MEGABYTES(n) ((size_t)(n) << 20)

static void test_large(void) {
    char *data = malloc(MEGABYTES(6));
    memset(data, 'e', MEGABYTES(6));
    SCRIPT(STEP(ACCEPT), TEXT(READ, "GET"), TEXT(WRITE, OK("6291456", "")),
           STEP(LARGE, .number = MEGABYTES(6)), STEP(SINK, .number = MEGABYTES(6)),
           STEP(PAUSE, .number = 20), TEXT(READ, "\r\n\r\n"), TEXT(WRITE, OK("0", "")),
           TEXT(READ, "GET"),
           TEXT(WRITE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n300000\r\n"),
           STEP(LARGE, .number = MEGABYTES(3)), TEXT(WRITE, "\r\n0\r\n\r\n"), STEP(CLOSE));
    client_open("127.0.0.1", "");
    CHECK(get() == 200 && body_size == MEGABYTES(6));
    /* The server takes 6 MB without looking, then what is left must be a body's end that looks like
     * a head's end. */
    memcpy(data + MEGABYTES(6) - 4, "\r\n\r\n", 4);
    CHECK(request("POST", "/x", data, MEGABYTES(6)) == 200);
    CHECK(get() == 200 && body_size == MEGABYTES(3));
    CHECK(client.body.size == 0 && client.head.size < MEGABYTES(1)); /* given back */
    free(data);
    nb_client_free(&client);
    server_stop(&server);
}

/* 413 while most of the body is still here: the answer counts, with the peer waiting or gone. */
static void test_early_answer(void) {
    char *data = calloc(1, MEGABYTES(16));
    SCRIPT(STEP(ACCEPT), STEP(SINK, .number = 1000),
           TEXT(WRITE, "HTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\ntoo"), STEP(ACCEPT),
           TEXT(READ, "GET"), TEXT(WRITE, OK("1", "1")), STEP(CLOSE));
    client_open("127.0.0.1", "");
    CHECK(request("POST", "/x", data, MEGABYTES(16)) == 413 && strcmp(body, "too") == 0);
    CHECK(client.fd == -1);
    CHECK(get() == 200);
    free(data);
    nb_client_free(&client);
    server_stop(&server);
}

static int signals, interruptions;

static void on_signal(int number) {
    (void)number;
    signals++;
}

static int on_interrupted(void *context) {
    CHECK(context == &signals);
    return ++interruptions >= 2; /* the first is ignored, the second abandons the request */
}

static void test_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    SCRIPT(STEP(ACCEPT), TEXT(READ, "GET"), STEP(PAUSE, .number = 30), STEP(SIGNAL),
           STEP(PAUSE, .number = 30), TEXT(WRITE, OK("1", "1")), TEXT(READ, "GET"),
           STEP(PAUSE, .number = 30), STEP(SIGNAL), STEP(PAUSE, .number = 30), STEP(CLOSE));
    client_open("127.0.0.1", "");
    client.interrupted = on_interrupted;
    client.context = &signals;
    CHECK(get() == 200 && signals == 1 && interruptions == 1);
    CHECK(get() == NB_CLIENT_E_INTERRUPTED && signals == 2 && client.fd == -1);
    nb_client_free(&client);
    server_stop(&server);
}

static void test_names(void) {
    SCRIPT(STEP(ACCEPT), TEXT(READ, "Host: localhost:"), TEXT(WRITE, OK("1", "1")), STEP(CLOSE));
    client_open("localhost", "");
    CHECK(get() == 200);
    nb_client_free(&client);
    server_stop(&server);
    client_open("127.0.0.1", ""); /* nobody listens there now */
    CHECK(get() == NB_CLIENT_E_CONNECT && client.error_number == ECONNREFUSED);
    nb_client_free(&client);
    client_open("no-such-host.invalid", "");
    CHECK(get() == NB_CLIENT_E_CONNECT && strstr(client.error, "cannot find the host") != NULL);
    nb_client_free(&client);
}

static void test_addresses(void) {
    static const struct {
        const char *api, *host, *port, *prefix, *authority;
    } good[] = {
        {"127.0.0.1:9001", "127.0.0.1", "9001", "", "127.0.0.1:9001"},
        {"h:1/Name", "h", "1", "/Name", "h:1"},
        {"h:1/a/b//", "h", "1", "/a/b", "h:1"},
        {"h:1/", "h", "1", "", "h:1"},
        {"[::1]:80/x", "::1", "80", "/x", "[::1]:80"},
        {"host", "host", "80", "", "host"},
        {"[::1]", "::1", "80", "", "[::1]"},
    };
    static const char *const bad[] = {"",        ":1",       "h:",    "h:x",    "h:0",
                                      "h:65536", "h:123456", "[::1",  "[::1]x", "a b:1",
                                      "/x",      "h:1:2",    "u@h:1", "h:-1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(nb_client_init(&client, good[i].api, "a") == 0);
        CHECK(strcmp(client.host, good[i].host) == 0 && strcmp(client.port, good[i].port) == 0);
        CHECK(strcmp(client.prefix, good[i].prefix) == 0);
        CHECK(strcmp(client.authority, good[i].authority) == 0);
        nb_client_free(&client);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(nb_client_init(&client, bad[i], "a") == NB_CLIENT_E_ADDRESS);
        CHECK(strstr(client.error, "host:port") != NULL);
        nb_client_free(&client);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_DFL); /* nothing may depend on its being ignored */
    test_addresses();
    test_keep_alive();
    test_reconnect();
    test_no_repeat();
    test_garbage();
    test_large();
    test_early_answer();
    test_signals();
    test_names();
    printf("client: addresses and 8 scripts against a local server\n");
    return 0;
}

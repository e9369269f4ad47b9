/* One keep-alive HTTP/1.1 connection to the Lambda Runtime API. No Python in here.
 *
 *   nb_client_init(&c, "127.0.0.1:9001", "agent/1.0")     parses; connects at the first request
 *   nb_client_start(&c, "GET", "/2018-06-01/…"); nb_client_header(&c, name, n, value, n); …
 *   nb_client_send(&c, body, length, false)               sends, returns when the answer's head is
 * there nb_client_status / c.http.headers                     (slices of c.input.data, until the
 * next start) nb_client_body_size(&c, &size), nb_client_read(&c, dest)   a body of known length,
 * straight into `dest` nb_client_collect(&c, &data, &size)                   a body of unknown
 * length (chunked, until close) nb_client_free(&c)
 *
 * Functions return 0 or an nb_client_result below zero, with a sentence in c.error and errno's
 * value, if any, in c.error_number. After an error the socket is closed; the next request opens
 * another.
 *
 * Reconnecting: a request on a connection that has served another one before is repeated once, on a
 * new connection, when the old one proves closed before any byte of the answer has come. Nothing
 * else is repeated. An idle connection on which anything has come, even a hang-up, is not used
 * again.
 *
 * Waiting: no timeout (a Lambda sandbox is frozen between invocations). A signal that interrupts a
 * wait calls c.interrupted(c.context); non-zero abandons the request.
 *
 * An answer may come before the request has been sent in full (413 while a large body is on its
 * way): then sending stops, the answer counts, and the connection is not used again. */
#ifndef NB_CLIENT_H
#define NB_CLIENT_H

#include "nb_http.h"

#include <stdbool.h>
#include <stddef.h>

enum nb_client_result {
    NB_CLIENT_E_ADDRESS = -1,   /* not host:port[/prefix] */
    NB_CLIENT_E_CONNECT = -2,   /* no such host, refused, unreachable */
    NB_CLIENT_E_CLOSED = -3,    /* closed or reset, no byte of the answer */
    NB_CLIENT_E_TRUNCATED = -4, /* closed or reset in the middle of the answer */
    NB_CLIENT_E_PROTOCOL = -5,  /* not HTTP, or over a limit */
    NB_CLIENT_E_MEMORY = -6,
    NB_CLIENT_E_INTERRUPTED = -7,
};

/* A growing byte buffer; `failed` instead of a result per append. */
struct nb_buffer {
    char *data;
    size_t used, size;
    bool failed;
};

struct nb_client {
    char host[256], port[8], authority[272];
    char *prefix; /* "" or "/Name" */
    char *common; /* " HTTP/1.1\r\nHost: …\r\nUser-Agent: …\r\n" */
    size_t common_length;

    int fd;          /* -1: not connected */
    bool unfinished; /* the request was not sent in full */
    struct nb_buffer head, input, body;
    size_t input_taken; /* bytes of input.data that have been parsed */
    struct nb_http http;

    int (*interrupted)(void *context);
    /* Called before a request that asks for a long wait: once it is sent, Lambda may freeze the
     * process, and what is left to do then would be done on the next invocation's time. */
    void (*idle)(void);
    void *context;

    int error_number;
    char error[512];
};

int nb_client_init(struct nb_client *c, const char *api, const char *user_agent);
void nb_client_free(struct nb_client *c);
void nb_client_close(struct nb_client *c);

/* Begins a request's head. `path` begins with '/'; the address's prefix is put before it. */
void nb_client_start(struct nb_client *c, const char *method, const char *path, size_t path_length);
void nb_client_header(struct nb_client *c, const char *name, size_t name_length, const char *value,
                      size_t value_length);
/* Completes the head (with Content-Length if body is not NULL), sends both, waits for the answer's
 * head. */
int nb_client_send(struct nb_client *c, const char *body, size_t length, bool long_wait);

/* True when the body's length is known beforehand: then nb_client_read(), else nb_client_collect().
 */
bool nb_client_body_size(const struct nb_client *c, size_t *size);
int nb_client_read(struct nb_client *c, char *dest);
/* *data is valid until nb_client_finish(). */
int nb_client_collect(struct nb_client *c, const char **data, size_t *size);
/* After the body: keeps or closes the connection, gives large buffers back. */
void nb_client_finish(struct nb_client *c);

#endif

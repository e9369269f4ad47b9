/* A service that the function calls: answers every request on a port with the bytes of a file.
 *
 *     stub PORT CONTENT_TYPE FILE
 *
 * C, so that what the function waits for is short and the same for every contender. One connection
 * after the other and several at a time. Prints "ready", ends with its parent. */
#define _GNU_SOURCE
#include "http.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { CONNECTIONS = 64 };

static char buffer[HTTP_BUFFER];

static char *response(const char *type, const char *path, size_t *size) {
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &status)) {
        perror(path);
        exit(1);
    }
    size_t length = (size_t)status.st_size;
    char *text = malloc(length + 512);
    int head = snprintf(text, 512,
                        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nx-amzn-RequestId: stub\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        type, length);
    *size = (size_t)head + fread(text + head, 1, length, file);
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: stub PORT CONTENT_TYPE FILE\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    size_t size;
    char *text = response(argv[2], argv[3], &size);
    struct sockaddr_in address;
    struct pollfd at[1 + CONNECTIONS] = {
        {.fd = http_listen(atoi(argv[1]), &address), .events = POLLIN}};
    if (at[0].fd < 0) {
        fprintf(stderr, "port %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    nfds_t count = 1;
    struct http_message request = {.data = buffer};
    while (poll(at, count, -1) >= 0) {
        for (nfds_t i = count; i-- > 1;) {
            if (at[i].revents &&
                !(http_read(at[i].fd, &request) && http_write(at[i].fd, text, size))) {
                close(at[i].fd);
                at[i] = at[--count];
            }
        }
        if (at[0].revents && count <= CONNECTIONS) {
            int fd = accept4(at[0].fd, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0) {
                http_no_delay(fd);
                at[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
            }
        }
    }
    return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server for measuring mlsel benchmark: answers every request with the same completion as fast as one thread can,
 * over connections that stay open. collect_server PORT_FILE: listens on a free port of 127.0.0.1, writes it to the
 * file, and ends when its standard input does. It trusts its client: requests end where Content-Length says.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 4096, ROOM = 64 << 10, MAX_EVENTS = 256 };

static const char body[] = "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
                           "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
                           "\"The answer is (A).\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":42,"
                           "\"completion_tokens\":6,\"total_tokens\":48}}";
static char answer[512];

typedef struct peer {
    char *data;
    size_t size;
} peer;

static peer peers[MAX_FD];

/* Bytes of the first request in a buffer, or 0: it is not complete. */
static size_t request_size(const peer *p) {
    const char *end = memmem(p->data, p->size, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    const size_t head = (size_t)(end - p->data) + 4;
    static const char name[] = "\r\ncontent-length:";
    for (const char *at = p->data; at + sizeof name <= end + 2; at++)
        if (strncasecmp(at, name, sizeof name - 1) == 0) {
            const size_t whole = head + strtoull(at + sizeof name - 1, NULL, 10);
            return p->size >= whole ? whole : 0;
        }
    return head;
}

static void drop(int fd) {
    close(fd);
    peers[fd].size = 0;
}

static void serve(int fd, size_t answer_size) {
    peer *p = &peers[fd];
    const ssize_t n = read(fd, p->data + p->size, ROOM - p->size);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            drop(fd);
        return;
    }
    p->size += (size_t)n;
    for (size_t size; (size = request_size(p)) > 0;) {
        if (write(fd, answer, answer_size) != (ssize_t)answer_size) {
            drop(fd);
            return;
        }
        p->size -= size;
        memmove(p->data, p->data + size, p->size);
    }
    if (p->size == ROOM)
        drop(fd);
}

static void welcome(int epoll, int listener) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0)
        return;
    if (fd < MAX_FD && peers[fd].data == NULL)
        peers[fd].data = malloc(ROOM);
    if (fd >= MAX_FD || peers[fd].data == NULL) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int listen_somewhere(const char *port_file) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    FILE *file = NULL;
    if (bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1024) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        file = fopen(port_file, "w");
    if (file != NULL)
        fprintf(file, "%d\n", ntohs(address.sin_port));
    if (file != NULL && fclose(file) == 0)
        return fd;
    close(fd);
    return -1;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: collect_server PORT_FILE\n");
        return 2;
    }
    const int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_somewhere(argv[1]);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[MAX_EVENTS];
    struct epoll_event input = {.events = EPOLLIN | EPOLLHUP, .data.fd = STDIN_FILENO};
    const int size = snprintf(answer, sizeof answer,
                              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                              sizeof body - 1, body);
    if (epoll < 0 || listener < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
        perror("collect_server");
        return 1;
    }
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO,
                    &input); /* a file cannot be waited for: then until it is ended */
    for (;;) {
        const int n = epoll_wait(epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            char byte;
            if (events[i].data.fd == listener)
                welcome(epoll, listener);
            else if (events[i].data.fd != STDIN_FILENO)
                serve(events[i].data.fd, (size_t)size);
            else if (read(STDIN_FILENO, &byte, 1) <= 0)
                return 0;
        }
    }
}

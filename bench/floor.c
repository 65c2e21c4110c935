/* What this kernel asks for at least: an epoll loop that knows no HTTP.
 *
 *   floor PORT hit BODY_BYTES     answers every read with one constant response
 *   floor PORT pass ORIGIN_PORT   copies bytes between each client and a
 *                                 connection of its own to the origin
 *
 * It parses nothing, looks nothing up, counts nothing and shares nothing, so a
 * server's distance to it is what HTTP, cache and bookkeeping cost. Loopback only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { connections_max = 65536, block = 65536 };

struct connection {
  int peer;              /* pass: the other side; 0: closed */
  const char *out;       /* what is being written to this connection */
  size_t left;
  char *kept;            /* pass: owns `out` while the socket was full */
};
static struct connection all[connections_max];
static char buffer[block];
static char *response;
static size_t response_size;
static int loop, origin_port;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void watch(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
  if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

static void end(int fd) {
  int peer = all[fd].peer;
  free(all[fd].kept);
  all[fd] = (struct connection){0};
  close(fd);
  if (peer > 0 && all[peer].peer == fd) end(peer);
}

/* 1: all written; 0: the socket is full; -1: it is gone */
static int flush(int fd) {
  struct connection *c = &all[fd];
  while (c->left > 0) {
    ssize_t count = send(fd, c->out, c->left, MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN ? 0 : -1;
    c->out += count;
    c->left -= (size_t)count;
    if (c->left > 0) return 0; /* a short write filled it: epoll(7) */
  }
  free(c->kept);
  c->kept = NULL;
  return 1;
}

static void answer(int fd) {
  if (all[fd].left > 0) return;
  ssize_t count = recv(fd, buffer, sizeof buffer, 0);
  if (count == 0 || (count < 0 && errno != EAGAIN)) {
    end(fd);
    return;
  }
  if (count < 0) return;
  all[fd].out = response;
  all[fd].left = response_size;
  if (flush(fd) < 0) end(fd);
}

static void copy(int from, int to) {
  struct connection *target = &all[to];
  while (target->left == 0) {
    ssize_t count = recv(from, buffer, sizeof buffer, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      end(from);
      return;
    }
    target->out = buffer;
    target->left = (size_t)count;
    int done = flush(to);
    if (done < 0) {
      end(from);
      return;
    }
    if (done == 0) {
      target->kept = malloc(target->left);
      memcpy(target->kept, target->out, target->left);
      target->out = target->kept;
      return;
    }
    if (count < (ssize_t)sizeof buffer) return; /* a short read emptied it */
  }
}

static void event(int fd, unsigned what) {
  int peer = all[fd].peer;
  if (peer == 0) return; /* closed earlier in this turn */
  if ((what & EPOLLOUT) && all[fd].left > 0) {
    int done = flush(fd);
    if (done < 0) {
      end(fd);
      return;
    }
    if (done > 0 && peer > 0) copy(peer, fd);
  }
  if (!(what & (EPOLLIN | EPOLLHUP | EPOLLERR)) || all[fd].peer == 0) return;
  if (peer > 0) {
    copy(fd, peer);
  } else {
    answer(fd);
  }
}

static void add_client(int listener) {
  int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (client < 0) return;
  if (client >= connections_max) {
    close(client);
    return;
  }
  all[client] = (struct connection){.peer = -1};
  if (origin_port > 0) {
    struct sockaddr_in origin = loopback(origin_port);
    int up = socket(AF_INET, SOCK_STREAM, 0);
    if (up < 0 || up >= connections_max || connect(up, (void *)&origin, sizeof origin) != 0) die("origin");
    int flags = fcntl(up, F_GETFL);
    fcntl(up, F_SETFL, flags | O_NONBLOCK);
    all[client].peer = up;
    all[up] = (struct connection){.peer = client};
    watch(up);
  }
  watch(client);
}

int main(int count, char **arguments) {
  if (count != 4) {
    fputs("usage: floor PORT hit BODY_BYTES | floor PORT pass ORIGIN_PORT\n", stderr);
    return 2;
  }
  if (strcmp(arguments[2], "pass") == 0) {
    origin_port = atoi(arguments[3]);
  } else {
    size_t body = (size_t)atol(arguments[3]);
    response = malloc(body + 256);
    response_size = (size_t)sprintf(response,
                                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                    "Cache-Control: max-age=3600\r\nContent-Length: %zu\r\n\r\n",
                                    body);
    memset(response + response_size, 'x', body);
    response_size += body;
  }
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = loopback(atoi(arguments[1]));
  if (bind(listener, (void *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) die("listen");
  loop = epoll_create1(0);
  struct epoll_event first = {.events = EPOLLIN, .data.fd = listener}, events[256];
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &first);
  for (;;) {
    int ready = epoll_wait(loop, events, 256, -1);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.fd == listener) {
        add_client(listener);
      } else {
        event(events[i].data.fd, events[i].events);
      }
    }
  }
}

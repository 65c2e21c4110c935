/* A load that does not wait for the server: requests are due at a constant
 * rate, and latency counts from when a request was due, not from when a
 * connection became free for it (no coordinated omission).
 *
 *   open_loop PORT PATH RATE SECONDS CONNECTIONS
 *
 * Prints one line of JSON: completed, failed, late (not sent by the end),
 * p50, p99, p999 and max in microseconds. GET over keep-alive connections to
 * 127.0.0.1; the answers need Content-Length. The first tenth of the time only warms up.
 * It spins on its CPU, so that the clock, not the scheduler, decides when a
 * request leaves. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { connections_max = 4096, buckets = 1 << 16, backlog_max = 1 << 20, block = 1 << 18 };

struct connection {
  int fd;
  double due;      /* of the request under way */
  long left;       /* body bytes to come; -1: the head is being read */
  size_t head_size;
  char head[4096];
};
static struct connection connections[connections_max];
static int idle[connections_max], idle_count, connection_count;
static double backlog[backlog_max];
static unsigned long backlog_first, backlog_end;
static unsigned long histogram[buckets], completed, failed;
static double latest, warm_until;
static char request[2048], buffer[block];
static size_t request_size;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* Below 8.192 ms every 0.25 us, above every 128 us. */
static unsigned bucket_of(double microseconds) {
  if (microseconds < 8192) return (unsigned)(microseconds * 4);
  unsigned index = 32768 + (unsigned)((microseconds - 8192) / 128);
  return index < buckets ? index : buckets - 1;
}
static double value_of(unsigned bucket) {
  return bucket < 32768 ? bucket / 4.0 : 8192 + (bucket - 32768) * 128.0;
}

static double quantile(double q) {
  unsigned long seen = 0, wanted = (unsigned long)((double)completed * q);
  for (unsigned i = 0; i < buckets; ++i) {
    seen += histogram[i];
    if (seen > wanted) return value_of(i);
  }
  return latest;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void start(struct connection *c, double due) {
  c->due = due;
  c->left = -1;
  c->head_size = 0;
  if (send(c->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) die("send");
}

static void finish(struct connection *c) {
  double at = now(), latency = at - c->due;
  int good = memcmp(c->head, "HTTP/1.1 200", 12) == 0;
  if (c->due >= warm_until) {
    if (good) {
      ++completed;
      ++histogram[bucket_of(latency)];
      if (latency > latest) latest = latency;
    } else {
      ++failed;
    }
  }
  if (backlog_first != backlog_end) {
    start(c, backlog[backlog_first++ % backlog_max]);
  } else {
    idle[idle_count++] = (int)(c - connections);
  }
}

/* Consumes what arrived; one response at a time is under way. */
static void take(struct connection *c, const char *bytes, size_t count) {
  if (c->left < 0) {
    size_t room = sizeof c->head - 1 - c->head_size;
    size_t taken = count < room ? count : room, before = c->head_size;
    memcpy(c->head + before, bytes, taken);
    c->head_size += taken;
    c->head[c->head_size] = 0;
    char *ended = strstr(c->head, "\r\n\r\n");
    if (ended == NULL) return;
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    if (length == NULL || length > ended) {
      fputs("open_loop: a response without Content-Length\n", stderr);
      exit(1);
    }
    size_t head = (size_t)(ended - c->head) + 4;
    c->left = atol(length + 17);
    bytes += head - before;
    count -= head - before;
  }
  c->left -= (long)count;
  if (c->left <= 0) finish(c);
}

static void receive(struct connection *c) {
  ssize_t count = recv(c->fd, buffer, sizeof buffer, 0);
  if (count > 0) {
    take(c, buffer, (size_t)count);
  } else if (count == 0 || errno != EAGAIN) {
    fputs("open_loop: the server closed a connection\n", stderr);
    exit(1);
  }
}

static void open_connections(int loop, int port, int count) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < count; ++i) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (void *)&address, sizeof address) != 0) die("connect");
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
    connections[i].fd = fd;
    idle[idle_count++] = i;
  }
  connection_count = count;
}

static void run(int loop, double rate, double seconds) {
  struct epoll_event events[256];
  double began = now(), interval = 1e6 / rate;
  unsigned long issued = 0, total = (unsigned long)(rate * seconds);
  warm_until = began + seconds * 1e5;
  double give_up = began + seconds * 1e6 + 2e6;
  for (;;) {
    double at = now();
    for (; issued < total && began + (double)issued * interval <= at; ++issued) {
      double due = began + (double)issued * interval;
      if (idle_count > 0) {
        start(&connections[idle[--idle_count]], due);
      } else if (backlog_end - backlog_first < backlog_max) {
        backlog[backlog_end++ % backlog_max] = due;
      } else {
        ++failed;
      }
    }
    int answered = issued == total && backlog_first == backlog_end && idle_count == connection_count;
    if (answered || at > give_up) break;
    int ready = epoll_wait(loop, events, 256, 0);
    for (int i = 0; i < ready; ++i) receive(&connections[events[i].data.u32]);
  }
}

int main(int count, char **arguments) {
  if (count != 6) {
    fputs("usage: open_loop PORT PATH RATE SECONDS CONNECTIONS\n", stderr);
    return 2;
  }
  int port = atoi(arguments[1]), wanted = atoi(arguments[5]);
  if (wanted < 1 || wanted >= connections_max || atof(arguments[3]) <= 0) return 2;
  request_size = (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                                  arguments[2], port);
  int loop = epoll_create1(0);
  open_connections(loop, port, wanted);
  run(loop, atof(arguments[3]), atof(arguments[4]));
  printf("{\"completed\": %lu, \"failed\": %lu, \"late\": %lu, \"p50_us\": %.2f, \"p99_us\": %.2f, "
         "\"p999_us\": %.2f, \"max_us\": %.0f}\n",
         completed, failed, backlog_end - backlog_first, quantile(0.5), quantile(0.99), quantile(0.999), latest);
  return 0;
}

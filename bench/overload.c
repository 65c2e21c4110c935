/* Clients that do not wait for each other: requests are due by a Poisson
 * process whose rate changes in steps, and latency counts from when a request
 * was due (no coordinated omission). Who gets no answer within the patience hangs up.
 *
 *   overload PORT SEED PATIENCE_MS RETRIES CRITICAL_SHARE RATE:SECONDS...
 *
 * RETRIES      further attempts, 20 to 100 ms after a rejection or a hang-up
 * CRITICAL     this share asks for /critical, the rest for /normal
 *
 * Prints one line for each 100 ms: second, and of the requests due in it: offered,
 * good at last, by class; of the attempts sent in it: sent, rejected (429, 503), failed
 * (any other status, or closed), hung up; then the latencies of the good ones
 * in ms. One connection for one request at a time, kept alive, opened on demand.
 * It spins on its CPU, so that the clock and not the scheduler decides. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { connections_max = 8192, pending_max = 1 << 16, slices_max = 4096, samples_max = 1 << 21 };

struct request {
  double due, at; /* first sent; this attempt */
  int attempt, critical;
};
struct connection {
  int fd, next_idle, busy;
  struct request request;
  size_t size;
  char head[2048];
};
struct slice {
  unsigned offered[2], good[2], sent, rejected, failed, hung_up;
};

static struct connection connections[connections_max];
static int idle = -1, opened, free_slot = -1;
static struct request pending[pending_max]; /* a heap by `at` */
static int pending_count;
static struct slice slices[slices_max];
static float samples[samples_max];
static int sample_slice[samples_max], sample_count;
static double began, patience;
static int retries, loop, port;
static uint64_t state;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double uniform(void) { /* SplitMix64, Steele et al. 2014 */
  uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

static struct slice *slice_at(double at) {
  int index = (int)((at - began) * 10);
  return &slices[index < 0 ? 0 : index < slices_max ? index : slices_max - 1];
}

static void push(struct request one) {
  if (pending_count == pending_max) return;
  int i = pending_count++;
  for (; i > 0 && pending[(i - 1) / 2].at > one.at; i = (i - 1) / 2) pending[i] = pending[(i - 1) / 2];
  pending[i] = one;
}

static struct request pop(void) {
  struct request top = pending[0], last = pending[--pending_count];
  int i = 0;
  for (int child; (child = 2 * i + 1) < pending_count; i = child) {
    if (child + 1 < pending_count && pending[child + 1].at < pending[child].at) ++child;
    if (last.at <= pending[child].at) break;
    pending[i] = pending[child];
  }
  pending[i] = last;
  return top;
}

static void drop(struct connection *c) {
  close(c->fd);
  c->fd = -1;
  c->busy = 0;
  c->next_idle = free_slot;
  free_slot = (int)(c - connections);
}

static void give_up(struct request one) {
  if (one.attempt > retries) return;
  one.at = now() + 0.02 + 0.08 * uniform();
  push(one);
}

static struct connection *connect_one(void) {
  int slot = free_slot;
  if (slot >= 0) {
    free_slot = connections[slot].next_idle;
  } else if (opened < connections_max) {
    slot = opened++;
  } else {
    return NULL;
  }
  struct connection *c = &connections[slot];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (void *)&address, sizeof address) != 0) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->next_idle = free_slot;
    free_slot = slot;
    return NULL;
  }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)slot};
  epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &event);
  return c;
}

static void send_request(struct request one) {
  ++one.attempt;
  ++slice_at(one.at)->sent;
  struct connection *c;
  if (idle >= 0) {
    c = &connections[idle];
    idle = c->next_idle;
  } else {
    c = connect_one();
  }
  char text[128];
  int size = snprintf(text, sizeof text, "GET /%s HTTP/1.1\r\nHost: bench\r\n\r\n", one.critical ? "critical" : "normal");
  if (c == NULL || send(c->fd, text, (size_t)size, MSG_NOSIGNAL) != size) {
    ++slice_at(one.at)->failed;
    if (c != NULL) drop(c);
    give_up(one);
    return;
  }
  c->busy = 1;
  c->size = 0;
  c->request = one;
}

static void finish(struct connection *c, int status, int keep) {
  double at = now();
  struct request one = c->request;
  c->busy = 0;
  if (status == 200) {
    ++slice_at(one.due)->good[one.critical];
    if (sample_count < samples_max) {
      sample_slice[sample_count] = (int)((one.due - began) * 10);
      samples[sample_count++] = (float)(1000 * (at - one.due));
    }
  } else {
    struct slice *slice = slice_at(one.at);
    ++*(status == 503 || status == 429 ? &slice->rejected : &slice->failed);
    give_up(one);
  }
  if (!keep) {
    drop(c);
    return;
  }
  c->next_idle = idle;
  idle = (int)(c - connections);
}

static void receive(struct connection *c) {
  if (c->fd < 0) return;
  ssize_t count = recv(c->fd, c->head + c->size, sizeof c->head - 1 - c->size, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    if (c->busy) {
      finish(c, 0, 0);
      return;
    }
    int *link = &idle; /* the server closed a kept connection */
    while (*link >= 0 && *link != (int)(c - connections)) link = &connections[*link].next_idle;
    if (*link >= 0) *link = c->next_idle;
    drop(c);
    return;
  }
  c->size += (size_t)count;
  c->head[c->size] = 0;
  char *end = strstr(c->head, "\r\n\r\n");
  if (!c->busy || end == NULL) return;
  char *length = strcasestr(c->head, "\r\ncontent-length:");
  int close_after = strcasestr(c->head, "\r\nconnection: close") != NULL;
  size_t whole = (size_t)(end - c->head) + 4 + (length != NULL ? (size_t)atol(length + 17) : 0);
  int status = atoi(c->head + 9);
  if (c->size >= whole || whole >= sizeof c->head) finish(c, status, !close_after && c->size == whole);
}

static void hang_up(double at) {
  for (int i = 0; i < opened; ++i) {
    struct connection *c = &connections[i];
    if (c->fd < 0 || !c->busy || at < c->request.at + patience) continue;
    struct request one = c->request;
    ++slice_at(one.at)->hung_up;
    drop(c);
    give_up(one);
  }
}

static void run(char **steps, int count, double critical) {
  struct epoll_event events[256];
  double due = began, step_end = began, rate = 0, checked = began;
  for (int step = 0;;) {
    double at = now();
    while (step <= count && due <= at) {
      if (due >= step_end) {
        if (step == count) {
          ++step;
          break;
        }
        char *colon = strchr(steps[step], ':');
        rate = atof(steps[step]);
        due = step_end;
        step_end += colon != NULL ? atof(colon + 1) : 0;
        ++step;
      } else {
        struct request one = {due, due, 0, uniform() < critical};
        ++slice_at(due)->offered[one.critical];
        send_request(one);
      }
      double next = due - log(1 - uniform()) / rate;
      due = next < step_end ? next : step_end;
    }
    while (pending_count > 0 && pending[0].at <= at) send_request(pop());
    if (at - checked > 0.005) {
      hang_up(at);
      checked = at;
    }
    if (step > count && at > step_end + patience * (1 + retries) + 0.2) break;
    int ready = epoll_wait(loop, events, 256, 0);
    for (int i = 0; i < ready; ++i) receive(&connections[events[i].data.u32]);
  }
}

int main(int count, char **arguments) {
  if (count < 7) {
    fputs("usage: overload PORT SEED PATIENCE_MS RETRIES CRITICAL_SHARE RATE:SECONDS...\n", stderr);
    return 2;
  }
  port = atoi(arguments[1]);
  state = strtoull(arguments[2], NULL, 10);
  patience = atof(arguments[3]) / 1000;
  retries = atoi(arguments[4]);
  loop = epoll_create1(0);
  began = now();
  run(arguments + 6, count - 6, atof(arguments[5]));
  int last = (int)((now() - began) * 10);
  for (int i = 0; i <= last && i < slices_max; ++i) {
    struct slice *s = &slices[i];
    printf("%.1f %u %u %u %u %u %u %u %u", i / 10.0, s->offered[0], s->offered[1], s->good[0], s->good[1], s->sent,
           s->rejected, s->failed, s->hung_up);
    for (int k = 0; k < sample_count; ++k) {
      if (sample_slice[k] == i) printf(" %.1f", (double)samples[k]);
    }
    putchar('\n');
  }
  return 0;
}

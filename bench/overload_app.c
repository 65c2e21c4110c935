/* An application with a known capacity: a fixed number of workers that serve
 * one request at a time, in order of arrival, behind a long backlog.
 *
 *   overload_app PORT WORKERS SERVICE_MS MODE SHAPE
 *
 * MODE   sleep  waits (a database): needs next to no CPU
 *        spin   computes: needs a CPU for each worker
 *        lock   computes, half of the time holding one lock all workers share
 * SHAPE  constant, or exponential (the mean is SERVICE_MS)
 *
 * GET /workers/N changes the number of workers while it runs; everything else
 * is work. HTTP/1.1 with keep-alive, requests without bodies, loopback only.
 * What waits when its client goes is still worked on, as most frameworks do. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { connections_max = 8192, workers_max = 512, head_max = 4096 };

struct connection {
  int fd;
  unsigned generation; /* an answer for a connection that was closed is dropped */
  size_t size;
  char head[head_max];
};
struct job {
  int slot;
  unsigned generation;
};

static struct connection slots[connections_max];
static struct job queue[connections_max];
static unsigned first, length;
static int workers_wanted;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, shared = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t job_waits = PTHREAD_COND_INITIALIZER, more_wanted = PTHREAD_COND_INITIALIZER;
static double service_seconds;
static int spins, locks, exponential;

static double thread_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void spin(double seconds) {
  double until = thread_seconds() + seconds;
  while (thread_seconds() < until) {
  }
}

static void work(unsigned *seed) {
  double seconds = service_seconds;
  if (exponential) seconds *= -log((rand_r(seed) + 0.5) / ((double)RAND_MAX + 1));
  if (locks) {
    spin(seconds / 2);
    pthread_mutex_lock(&shared);
    spin(seconds / 2);
    pthread_mutex_unlock(&shared);
  } else if (spins) {
    spin(seconds);
  } else {
    struct timespec pause = {(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)};
    nanosleep(&pause, NULL);
  }
}

static void answer(struct job job) {
  static const char text[] =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nContent-Length: 5\r\n\r\ndone\n";
  pthread_mutex_lock(&mutex);
  if (slots[job.slot].generation == job.generation) {
    (void)!send(slots[job.slot].fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  pthread_mutex_unlock(&mutex);
}

static void *worker(void *number) {
  int own = (int)(long)number;
  unsigned seed = (unsigned)own + 1;
  for (;;) {
    pthread_mutex_lock(&mutex);
    while (length == 0 || own >= workers_wanted) {
      pthread_cond_wait(own < workers_wanted ? &job_waits : &more_wanted, &mutex);
    }
    struct job job = queue[first];
    first = (first + 1) % connections_max;
    --length;
    pthread_mutex_unlock(&mutex);
    work(&seed);
    answer(job);
  }
  return NULL;
}

/* REQUIRES: mutex is held. */
static void take(int slot) {
  struct connection *c = &slots[slot];
  int wanted = 0;
  if (sscanf(c->head, "GET /workers/%d", &wanted) == 1 && wanted > 0 && wanted <= workers_max) {
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    workers_wanted = wanted;
    pthread_cond_broadcast(&job_waits); /* those who are too many stop waiting for jobs */
    pthread_cond_broadcast(&more_wanted);
    (void)!send(c->fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  } else if (length < connections_max) {
    queue[(first + length++) % connections_max] = (struct job){slot, c->generation};
    pthread_cond_signal(&job_waits);
  }
}

static void receive(int slot) {
  struct connection *c = &slots[slot];
  ssize_t count = recv(c->fd, c->head + c->size, head_max - 1 - c->size, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  pthread_mutex_lock(&mutex);
  if (count <= 0) {
    close(c->fd);
    ++c->generation;
    c->fd = -1;
    c->size = 0;
  } else {
    c->size += (size_t)count;
    c->head[c->size] = 0;
    if (strstr(c->head, "\r\n\r\n") != NULL) {
      take(slot);
      c->size = 0;
    }
  }
  pthread_mutex_unlock(&mutex);
}

static void accept_all(int loop, int listener) {
  for (;;) {
    int fd = accept(listener, NULL, NULL), on = 1, slot = 0;
    if (fd < 0) return;
    pthread_mutex_lock(&mutex);
    while (slot < connections_max && slots[slot].fd >= 0) ++slot;
    if (slot < connections_max) slots[slot].fd = fd;
    pthread_mutex_unlock(&mutex);
    if (slot == connections_max) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)slot};
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
  }
}

static void start_workers(void) {
  for (long i = 0; i < workers_max; ++i) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    if (pthread_create(&thread, &attributes, worker, (void *)i) != 0) exit(1);
  }
}

int main(int count, char **arguments) {
  if (count != 6) {
    fputs("usage: overload_app PORT WORKERS SERVICE_MS sleep|spin|lock constant|exponential\n", stderr);
    return 2;
  }
  workers_wanted = atoi(arguments[2]);
  service_seconds = atof(arguments[3]) / 1000;
  locks = strcmp(arguments[4], "lock") == 0;
  spins = locks || strcmp(arguments[4], "spin") == 0;
  exponential = strcmp(arguments[5], "exponential") == 0;
  for (int i = 0; i < connections_max; ++i) slots[i].fd = -1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (void *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) {
    perror("overload_app");
    return 1;
  }
  start_workers();
  int loop = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = connections_max};
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(loop, events, 256, -1);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.u32 == connections_max) {
        accept_all(loop, listener);
      } else {
        receive((int)events[i].data.u32);
      }
    }
  }
}

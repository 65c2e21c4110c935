/* What a cached answer costs by how it is read and sent, without any HTTP: each
 * request is one small message, each answer `size` bytes from memory, 64 connections
 * that wait for their answer, server and clients each pinned to a processor.
 *
 *   epoll      one read and one send per request, as the agent does it
 *   drained    the same, and reads until there is nothing left, as loops do that
 *              are told of edges
 *   zerocopy   sends with MSG_ZEROCOPY and reads the notifications
 *   io_uring   receives and sends through one ring, many per system call
 *   uring_zc   the same with IORING_OP_SEND_ZC
 *
 *   transmit_paths [ROUNDS [SECONDS]]
 *
 * Prints the server's CPU microseconds per request, kernel work on its behalf
 * included, as medians of alternating rounds, and their ratio to epoll. Loopback only.
 * Build: gcc -O2 transmit_paths.c -luring */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/errqueue.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { connections = 64, request_size = 100, descriptors_max = 1024, rounds_max = 64 };
enum mode { epoll, drained, zerocopy, uring, uring_zc, modes };
static const char *const names[modes] = {"epoll", "drained", "zerocopy", "io_uring", "uring_zc"};
static const size_t sizes[] = {1024, 16384, 262144};

static struct connection {
  size_t left; /* of the answer under way */
} all[descriptors_max];
static char *answer;
static size_t answer_size;
static unsigned long served;
static volatile sig_atomic_t stopped;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void on_stop(int signal_number) {
  (void)signal_number;
  stopped = 1;
}

static void pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) die("sched_setaffinity");
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* -- the server, over epoll ------------------------------------------------------ */

static void watch(int loop, int fd, unsigned events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(loop, EPOLL_CTL_MOD, fd, &event) != 0) die("epoll_ctl");
}

static void write_answer(int loop, int fd, enum mode mode) {
  struct connection *c = &all[fd];
  const int blocked = c->left != answer_size;
  while (c->left > 0) {
    const ssize_t sent = send(fd, answer + (answer_size - c->left), c->left,
                              MSG_NOSIGNAL | (mode == zerocopy ? MSG_ZEROCOPY : 0));
    if (sent < 0 && errno == ENOBUFS) continue;
    if (sent < 0) break;
    c->left -= (size_t)sent;
  }
  if (c->left == 0) ++served;
  if (c->left > 0 && !blocked) watch(loop, fd, EPOLLOUT);
  if (c->left == 0 && blocked) watch(loop, fd, EPOLLIN);
}

static void read_notifications(int fd) {
  char control[128];
  struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
  while (recvmsg(fd, &message, MSG_ERRQUEUE) >= 0) message.msg_controllen = sizeof control;
}

static void serve_epoll(const int *fds, enum mode mode) {
  char request[4096];
  struct epoll_event events[connections];
  const int loop = epoll_create1(0), one = 1;
  for (int i = 0; i < connections; ++i) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
    epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &event);
    if (mode == zerocopy) setsockopt(fds[i], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one);
  }
  while (!stopped) {
    const int count = epoll_wait(loop, events, connections, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (events[i].events & EPOLLERR) read_notifications(fd);
      if (events[i].events & EPOLLOUT) write_answer(loop, fd, mode);
      if (!(events[i].events & EPOLLIN)) continue;
      while (read(fd, request, sizeof request) > 0) {
        all[fd].left = answer_size;
        write_answer(loop, fd, mode);
        if (mode != drained) break;
      }
    }
  }
}

/* -- the server, over a ring ----------------------------------------------------- */

static char requests[descriptors_max][512];

static struct io_uring_sqe *entry(struct io_uring *ring) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
  if (sqe == NULL) die("io_uring_get_sqe");
  return sqe;
}

static void receive(struct io_uring *ring, int fd) {
  struct io_uring_sqe *sqe = entry(ring);
  io_uring_prep_recv(sqe, fd, requests[fd], sizeof requests[fd], 0);
  sqe->user_data = (unsigned)fd * 2U;
}

static void transmit(struct io_uring *ring, int fd, enum mode mode) {
  struct io_uring_sqe *sqe = entry(ring);
  const char *from = answer + (answer_size - all[fd].left);
  if (mode == uring_zc) {
    io_uring_prep_send_zc(sqe, fd, from, all[fd].left, MSG_NOSIGNAL | MSG_WAITALL, 0);
  } else {
    io_uring_prep_send(sqe, fd, from, all[fd].left, MSG_NOSIGNAL | MSG_WAITALL);
  }
  sqe->user_data = (unsigned)fd * 2U + 1U;
}

static void complete(struct io_uring *ring, const struct io_uring_cqe *cqe, enum mode mode) {
  const int fd = (int)(cqe->user_data / 2U);
  if (cqe->flags & IORING_CQE_F_NOTIF) return;
  if (cqe->res <= 0) return; /* the client has left */
  if (cqe->user_data % 2U == 0) {
    all[fd].left = answer_size;
    transmit(ring, fd, mode);
    return;
  }
  all[fd].left -= (size_t)cqe->res;
  if (all[fd].left > 0) {
    transmit(ring, fd, mode);
    return;
  }
  ++served;
  receive(ring, fd);
}

static void serve_uring(const int *fds, enum mode mode) {
  struct io_uring ring;
  struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                            IORING_SETUP_DEFER_TASKRUN};
  if (io_uring_queue_init_params(4 * connections, &ring, &params) != 0) die("io_uring");
  for (int i = 0; i < connections; ++i) receive(&ring, fds[i]);
  while (!stopped) {
    if (io_uring_submit_and_wait(&ring, 1) < 0) continue;
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      complete(&ring, cqe, mode);
      ++count;
    }
    io_uring_cq_advance(&ring, count);
  }
}

/* -- the clients ----------------------------------------------------------------- */

static void run_clients(const int *fds) {
  static char in[262144];
  static size_t missing[descriptors_max];
  const char request[request_size] = "GET";
  struct epoll_event events[connections];
  const int loop = epoll_create1(0);
  for (int i = 0; i < connections; ++i) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
    epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &event);
    missing[fds[i]] = answer_size;
    if (write(fds[i], request, sizeof request) < 0) return;
  }
  for (;;) {
    const int count = epoll_wait(loop, events, connections, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      const ssize_t size = read(fd, in, sizeof in);
      if (size == 0 || (size < 0 && errno != EAGAIN)) return;
      if (size > 0) missing[fd] -= (size_t)size;
      if (missing[fd] > 0) continue;
      missing[fd] = answer_size;
      if (write(fd, request, sizeof request) < 0) return;
    }
  }
}

static void connect_pairs(int *near, int *far) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (bind(listener, (struct sockaddr *)&address, length) != 0 ||
      listen(listener, connections) != 0)
    die("listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  for (int i = 0; i < connections; ++i) {
    far[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(far[i], (struct sockaddr *)&address, sizeof address) != 0) die("connect");
    near[i] = accept(listener, NULL, NULL);
    if (near[i] >= descriptors_max) die("too many descriptors");
    for (int side = 0; side < 2; ++side) {
      const int fd = side == 0 ? near[i] : far[i];
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    fcntl(far[i], F_SETFL, O_NONBLOCK);
  }
  close(listener);
}

/* CPU microseconds per request of one run. */
static double measure(enum mode mode, unsigned seconds) {
  int near[connections], far[connections], result[2];
  connect_pairs(near, far);
  if (pipe(result) != 0) die("pipe");
  const pid_t clients = fork();
  if (clients == 0) {
    pin(1);
    for (int i = 0; i < connections; ++i) close(near[i]);
    run_clients(far);
    _exit(0);
  }
  for (int i = 0; i < connections; ++i) close(far[i]);
  const pid_t server = fork();
  if (server == 0) {
    pin(0);
    struct sigaction action = {.sa_handler = on_stop};
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
    if (mode < uring) {
      for (int i = 0; i < connections; ++i) fcntl(near[i], F_SETFL, O_NONBLOCK);
    }
    const double before = cpu_seconds();
    mode >= uring ? serve_uring(near, mode) : serve_epoll(near, mode);
    const double figure = served > 0 ? (cpu_seconds() - before) * 1e6 / (double)served : 0;
    _exit(write(result[1], &figure, sizeof figure) == sizeof figure ? 0 : 1);
  }
  for (int i = 0; i < connections; ++i) close(near[i]);
  double figure = 0;
  if (read(result[0], &figure, sizeof figure) != sizeof figure) die("no figure");
  waitpid(server, NULL, 0);
  waitpid(clients, NULL, 0);
  close(result[0]);
  close(result[1]);
  return figure;
}

static int ascending(const void *a, const void *b) {
  const double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 5, seconds = argc > 2 ? atoi(argv[2]) : 1;
  if (rounds < 1 || rounds > rounds_max || seconds < 1 || seconds > 60) {
    fprintf(stderr, "transmit_paths [ROUNDS 1..%d [SECONDS 1..60]]\n", rounds_max);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  const double began = now();
  printf("%-10s", "bytes");
  for (int mode = 0; mode < modes; ++mode) printf("%18s", names[mode]);
  printf("\n");
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; ++s) {
    answer_size = sizes[s];
    answer = realloc(answer, answer_size);
    if (answer == NULL) die("memory");
    memset(answer, 'x', answer_size);
    double figures[modes][rounds_max];
    for (int round = 0; round < rounds; ++round) {
      for (int mode = 0; mode < modes; ++mode) {
        figures[mode][round] = measure((enum mode)mode, (unsigned)seconds);
      }
    }
    printf("%-10zu", answer_size);
    double first = 0;
    for (int mode = 0; mode < modes; ++mode) {
      qsort(figures[mode], (size_t)rounds, sizeof(double), ascending);
      const double median = figures[mode][rounds / 2];
      if (mode == epoll) first = median;
      printf("  %7.2f us (%4.2f)", median, median / first);
    }
    printf("\n");
  }
  printf("%d rounds, %.0f s\n", rounds, now() - began);
  return 0;
}

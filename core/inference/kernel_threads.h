/* The threads of a step. Each keeps to its own share of the blocks, whose weights its caches hold, and helps others when it
   is done: one that got no core keeps nobody waiting. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

typedef struct {
    _Alignas(64) atomic_int next;
    int end;
} Share;

static struct {
    pthread_mutex_t in_use, sleep;
    pthread_cond_t woken;
    int started;
    const Step *step;
    Share share[MOST_PHASES][MAX_THREADS];
    struct { _Alignas(64) atomic_int done; } phase[MOST_PHASES];
    _Alignas(64) atomic_int turn;
    _Alignas(64) atomic_int inside, asleep;
} pool = {.in_use = PTHREAD_MUTEX_INITIALIZER, .sleep = PTHREAD_MUTEX_INITIALIZER, .woken = PTHREAD_COND_INITIALIZER};

static int64_t blocks_of(const Phase *p) { return (p->width + LANES - 1) / LANES; }

/* A thread that was put to sleep amid its block is waited for, without keeping its core from it. */
static void wait_until(atomic_int *what, int value) {
    for (int spins = 0; atomic_load_explicit(what, memory_order_acquire) != value; spins++)
        if (spins < 4000) _mm_pause();
        else sched_yield();
}

static void work(const Step *s, int self) {
    for (int64_t n = 0; n < s->phases; n++) {
        for (int i = 0; i < s->threads; i++) {
            Share *share = &pool.share[n][(self + i) % s->threads];
            int done = 0;
            for (int block; (block = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed)) < share->end; done++)
                all_rows(s, &s->phase[n], block);
            if (done) atomic_fetch_add_explicit(&pool.phase[n].done, done, memory_order_release);
        }
        wait_until(&pool.phase[n].done, blocks_of(&s->phase[n]));
    }
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* Waits for another turn: awake for 200 microseconds, which keeps steps in a row fast, then asleep. */
static void next_turn(int seen) {
    for (int64_t until = nanoseconds() + 200000; nanoseconds() < until;)
        for (int spins = 0; spins < 32; spins++) {
            if (atomic_load_explicit(&pool.turn, memory_order_acquire) != seen) return;
            _mm_pause();
        }
    pthread_mutex_lock(&pool.sleep);
    atomic_fetch_add(&pool.asleep, 1);
    while (atomic_load(&pool.turn) == seen) pthread_cond_wait(&pool.woken, &pool.sleep);
    atomic_fetch_sub(&pool.asleep, 1);
    pthread_mutex_unlock(&pool.sleep);
}

static void *help(void *number) {
    for (int seen = 0, self = (int)(intptr_t)number;;) {
        next_turn(seen);
        atomic_fetch_add(&pool.inside, 1);
        seen = atomic_load(&pool.turn);
        if (seen % 2 && self < pool.step->threads) work(pool.step, self);
        atomic_fetch_sub(&pool.inside, 1);
    }
    return NULL;
}

static void forget_threads(void) { /* a forked child has none of its parent's */
    pool.started = 0;
    atomic_store(&pool.turn, 0);
    atomic_store(&pool.inside, 0);
    atomic_store(&pool.asleep, 0);
    pthread_mutex_init(&pool.in_use, NULL);
    pthread_mutex_init(&pool.sleep, NULL);
    pthread_cond_init(&pool.woken, NULL);
}

static void start_threads(int wanted) {
    if (!pool.started) pthread_atfork(NULL, NULL, forget_threads);
    for (pthread_t thread; pool.started < wanted - 1; pool.started++) {
        if (pthread_create(&thread, NULL, help, (void *)(intptr_t)(pool.started + 1))) return; /* fewer will do */
        pthread_detach(thread);
    }
}

static void announce(void) {
    atomic_fetch_add(&pool.turn, 1);
    if (!atomic_load(&pool.asleep)) return;
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_broadcast(&pool.woken);
    pthread_mutex_unlock(&pool.sleep);
}

/* Odd turns are steps; the even one behind it tells those who come late that it is over. */
static void run_shared(const Step *s) {
    start_threads(s->threads);
    for (int64_t n = 0; n < s->phases; n++) {
        int64_t blocks = blocks_of(&s->phase[n]);
        for (int64_t i = 0; i < s->threads; i++) {
            atomic_store(&pool.share[n][i].next, blocks * i / s->threads);
            pool.share[n][i].end = blocks * (i + 1) / s->threads;
        }
        atomic_store(&pool.phase[n].done, 0);
    }
    pool.step = s;
    announce();
    work(s, 0);
    atomic_fetch_add(&pool.turn, 1);
    wait_until(&pool.inside, 0);
}

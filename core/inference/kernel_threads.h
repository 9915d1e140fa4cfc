/* The threads of a step. Each first computes its own share of the blocks, whose weights are in its caches, and then helps
   the others. So no step waits for a thread that got no core. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

/* The blocks of a phase that one thread computes first. */
typedef struct {
    _Alignas(64) atomic_int next; /* the next block to compute */
    int end;                      /* the block after the last */
} Share;

static struct {
    pthread_mutex_t busy;  /* locked during a step, since the pool runs one at a time */
    pthread_mutex_t sleep; /* guards the sleep of helpers, with `wake` */
    pthread_cond_t wake;
    int started;      /* number of helpers: threads besides the caller */
    const Step *step; /* the step in progress */
    Share share[MAX_PHASES][MAX_THREADS];
    struct { _Alignas(64) atomic_int done; } phase[MAX_PHASES]; /* number of blocks computed */
    _Alignas(64) atomic_int turn;                               /* counts starts and ends of steps */
    _Alignas(64) atomic_int active, asleep;                     /* numbers of helpers */
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER, .sleep = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static int64_t blocks_of(const Phase *p) { return (p->width + LANES - 1) / LANES; }

/* Spins, then yields: a thread that was preempted in its block may need this core to finish it. */
static void wait_until(atomic_int *counter, int value) {
    for (int spins = 0; atomic_load_explicit(counter, memory_order_acquire) != value; spins++)
        if (spins < 4000) _mm_pause();
        else sched_yield();
}

static void run_shares(const Step *s, int self) {
    for (int64_t n = 0; n < s->phases; n++) {
        for (int i = 0; i < s->threads; i++) {
            Share *share = &pool.share[n][(self + i) % s->threads];
            int done = 0;
            for (int block; (block = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed)) < share->end; done++)
                compute_block(s, &s->phase[n], block);
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

/* Waits for another turn. Spins for 200 microseconds, which keeps consecutive steps fast, then sleeps. */
static void wait_for_turn(int seen) {
    for (int64_t until = nanoseconds() + 200000; nanoseconds() < until;)
        for (int spins = 0; spins < 32; spins++) {
            if (atomic_load_explicit(&pool.turn, memory_order_acquire) != seen) return;
            _mm_pause();
        }
    pthread_mutex_lock(&pool.sleep);
    atomic_fetch_add(&pool.asleep, 1);
    while (atomic_load(&pool.turn) == seen) pthread_cond_wait(&pool.wake, &pool.sleep);
    atomic_fetch_sub(&pool.asleep, 1);
    pthread_mutex_unlock(&pool.sleep);
}

static void *run_helper(void *number) {
    for (int seen = 0, self = (int)(intptr_t)number;;) {
        wait_for_turn(seen);
        atomic_fetch_add(&pool.active, 1);
        seen = atomic_load(&pool.turn);
        if (seen % 2 && self < pool.step->threads) run_shares(pool.step, self);
        atomic_fetch_sub(&pool.active, 1);
    }
    return NULL;
}

static void reset_after_fork(void) { /* a forked child has none of its parent's threads */
    pool.started = 0;
    atomic_store(&pool.turn, 0);
    atomic_store(&pool.active, 0);
    atomic_store(&pool.asleep, 0);
    pthread_mutex_init(&pool.busy, NULL);
    pthread_mutex_init(&pool.sleep, NULL);
    pthread_cond_init(&pool.wake, NULL);
}

static void start_threads(int count) {
    if (!pool.started) pthread_atfork(NULL, NULL, reset_after_fork);
    for (pthread_t thread; pool.started < count - 1; pool.started++) {
        if (pthread_create(&thread, NULL, run_helper, (void *)(intptr_t)(pool.started + 1))) return; /* fewer will do */
        pthread_detach(thread);
    }
}

static void start_turn(void) {
    atomic_fetch_add(&pool.turn, 1);
    if (!atomic_load(&pool.asleep)) return;
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.sleep);
}

/* An odd turn is a step in progress. The even turn after it tells late threads that the step is over. */
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
    start_turn();
    run_shares(s, 0);
    atomic_fetch_add(&pool.turn, 1);
    wait_until(&pool.active, 0);
}

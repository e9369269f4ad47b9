/* The facts of a machine and of a moment, through the libc functions that tell them: replaced while
 * a process initialises at build time (virtual mode), so that its image is the same wherever and
 * whenever it is built, and observed, so that it is known who asked for what.
 *
 *   nb_virtual_begin(seed)   from here on constant facts; each read is told to the observer
 *   nb_virtual_observe(f)    who is told
 *   nb_virtual_end()         in the process whose memory becomes the image, just before the dump
 *   nb_virtual_reset()       in a restored process, first of all
 *   nb_virtual_rekey()       in a restored process, before it draws random numbers
 *
 * What a read gives while virtual mode is on, and the (kind, detail) that it is observed as:
 *
 *   environment  NAME               getenv, secure_getenv: the real environment (on arm64 with
 *                                   OPENBLAS_CORETYPE of the baseline, unless it is set)
 *   clock        CLOCK_REALTIME …   clock_gettime, time, gettimeofday, clock: NB_VIRTUAL_DATE,
 *                                   or 1 s (monotonic), or 0 (CPU); each call is 1 us later
 *                times, getrusage   nothing used so far
 *   entropy      getrandom          getrandom, getentropy: ChaCha20 with the seed as its key
 *   hash keys    GRND_INSECURE      getrandom() with that flag, which is for what need not be a
 *                                   secret: Rust's hash tables. As above, and no offence: such keys
 *                                   are the image's, like the interpreter's own hash secret
 *                /var/task/…        either, drawn by the code of that loaded module itself
 *                RAND_bytes …       OpenSSL's (RAND_bytes, RAND_priv_bytes and their _ex), which
 *                                   draw a seed from getrandom once and then no more
 *                sqlite3_randomness sqlite's random(), its names of temporary files
 *   pid          getpid             NB_VIRTUAL_PID
 *                gettid             syscall(SYS_gettid), in the thread that began: the same.
 *                                   CPython's threading asks for it when it is imported, and
 *                                   again in a forked child
 *   machine      uname              uname, gethostname, getdomainname: "Linux" "localhost" …
 *                cpu count          sysconf, sched_getaffinity, get_nprocs: 2
 *                memory, load       sysinfo, sysconf, getloadavg: 1 GiB, half of it free; 0
 *                sched_getcpu       0
 *
 * The same through syscall() gives the same. Sleeps and waits take their real time; when one has
 * lasted as long as it was allowed to, the clocks have moved on by as much.
 *
 * Map: nb_virtual.c mode and observation; nb_facts.c environment, process, machine; nb_clock.c,
 * nb_wait.c time; nb_random.c; nb_rekey.c what a restored process must not share with others of the
 * same image.
 *
 * Cost when off: one predictable branch per call; clock_gettime has none (it calls through a
 * pointer to the vDSO, as musl's does). */
#ifndef NB_VIRTUAL_H
#define NB_VIRTUAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define NB_VIRTUAL_PID 0x7fffff    /* Linux gives no pid above 2^22 (PID_MAX_LIMIT) */
#define NB_VIRTUAL_DATE 1749643200 /* BUILD_DATE of build_scripts/toolchain.py */
#define NB_VIRTUAL_SEED 32

/* Uses nothing of libc, so it may be called at the ELF entry: then what constructors draw before
 * main() is virtual as well (mimalloc in CPython draws keys). Starts the clocks and the random
 * stream anew. The calling thread is the one whose reads are given to the observer. */
void nb_virtual_begin(const unsigned char seed[NB_VIRTUAL_SEED]);
/* Facts are real again; the observer is forgotten, and all that nb_virtual_reset() drops. */
void nb_virtual_end(void);
/* Drops addresses inside the vDSO, which the kernel puts elsewhere in each process. */
void nb_virtual_reset(void);
pid_t nb_virtual_real_pid(void);

/* `kind` and `detail` as above, valid during the call. Called in the thread that began virtual
 * mode, never inside itself: what the observer reads is not observed. errno is kept. In a forked
 * child nothing is given to the observer. NULL: nobody. */
typedef void nb_virtual_observer(const char *kind, const char *detail);
void nb_virtual_observe(nb_virtual_observer *observer);

/* Reads in other threads, and what the observer hands over because it cannot look at it now, are
 * only remembered, each (kind, detail) once. No locks and no allocation, so it is good in signal
 * handlers and across fork. `kind` must stay where it is; a long detail is cut. */
enum { NB_VIRTUAL_UNSEEN = 64 };
void nb_virtual_remember(const char *kind, const char *detail);
/* The i-th of them; false: there are no more. What found no room is one last row, "overflow". */
bool nb_virtual_unseen(size_t i, const char **kind, const char **detail);

/* After a restore, so that two processes of one image differ: new session ticket keys for the TLS
 * contexts of the image. OpenSSL's random generators and sqlite's then seed themselves anew at
 * their first use (nb_rekey.c says why). Does nothing, and wakes no library, if the image has no
 * context.
 *
 * The draws of SSL_CTX_new are not observed, as they are renewed here. Up to NB_VIRTUAL_CONTEXTS
 * contexts alive at once are remembered; making more is observed as entropy "SSL_CTX_new". */
enum { NB_VIRTUAL_CONTEXTS = 64 };
void nb_virtual_rekey(void);

/* ---- for the files that replace libc's functions ---- */

extern _Atomic bool nb_virtual_on;

static inline bool nb_virtual_is_on(void) {
    return __builtin_expect(atomic_load_explicit(&nb_virtual_on, memory_order_relaxed), 0);
}

/* Tells about a read. Only while on. */
void nb_virtual_note(const char *kind, const char *detail);
/* Between these two, reads of the calling thread are not given to the observer; they nest. */
void nb_virtual_hush(void);
void nb_virtual_unhush(void);
/* Whether the calling thread is the one that began. */
bool nb_virtual_is_owner(void);

/* nb_clock.c and nb_random.c: virtual mode begins or ends. */
void nb_clock_begin(void);
void nb_clock_end(void); /* also forgets the vDSO */
/* What a virtual clock shows, in ns; and that so many have passed. */
int64_t nb_clock_peek(clockid_t clock);
void nb_clock_advance(int64_t ns);
void nb_random_begin(const unsigned char seed[NB_VIRTUAL_SEED]);
/* getrandom() for the code at `caller`. */
ssize_t nb_random_draw(void *buffer, size_t size, unsigned flags, const void *caller);

#endif

/* Errors: a status code for the program, one sentence for the person.
 *
 * Every function that can fail returns `elbow_status`. The message is made once, where the error is found:
 * what is wrong, then "; ", then what to do. It is kept per thread until the next failure. Library code
 * never prints it and never exits: `src/cli/` does, once, on one rank.
 *
 * What can fail on one rank alone is agreed on by all before the next collective: elbow_world_agree().
 * `assert` is for our own bugs only. */
#ifndef ELBOW_BASE_ERROR_H
#define ELBOW_BASE_ERROR_H

typedef enum elbow_status {
    ELBOW_OK = 0,
    ELBOW_USAGE,    /* the command line or an option is wrong: exit 2 */
    ELBOW_IO,       /* the system refused a file operation */
    ELBOW_ABSENT,   /* what was asked for is not there (yet) */
    ELBOW_FORMAT,   /* a file is not what it should be */
    ELBOW_MISMATCH, /* two things that must agree do not: checkpoint and model, run and data */
    ELBOW_MEMORY,   /* no memory */
    ELBOW_NUMERIC,  /* a loss or gradient is not finite */
    ELBOW_PARALLEL, /* MPI, or ranks that disagree */
    ELBOW_STOPPED,  /* not a failure: stopped with more to do: exit 75 */
} elbow_status;

#if defined(__GNUC__)
#define ELBOW_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ELBOW_PRINTF(text, first)
#endif

/* Records the message and returns `status`, so that a failing function ends in
 * `return elbow_fail(ELBOW_FORMAT, "%s: not an IDX file; ...", path);`. Local. */
elbow_status elbow_fail(elbow_status status, const char *format, ...) ELBOW_PRINTF(2, 3);

/* Puts "PREFIX: " before the recorded message, where a caller knows better what it is about (a file and
 * line, a rank), and returns `status`. Local. */
elbow_status elbow_fail_prefix(elbow_status status, const char *format, ...) ELBOW_PRINTF(2, 3);

/* The last message of this thread, never NULL; valid until the next failure. Local. */
const char *elbow_error_message(void);

/* Passes a failure on. */
#define ELBOW_TRY(call)                                                                                      \
    do {                                                                                                     \
        elbow_status elbow_try_status_ = (call);                                                             \
        if (elbow_try_status_ != ELBOW_OK) return elbow_try_status_;                                         \
    } while (0)

/* A condition that is always checked: ELBOW_CHECK(rows > 0, ELBOW_FORMAT, "%s: no rows; ...", path). */
#define ELBOW_CHECK(condition, ...)                                                                          \
    do {                                                                                                     \
        if (!(condition)) return elbow_fail(__VA_ARGS__);                                                    \
    } while (0)

/* The same in a function that owns resources: it has `elbow_status status = ELBOW_OK;` and one `done:`. */
#define ELBOW_TRY_OR_DONE(call)                                                                              \
    do {                                                                                                     \
        status = (call);                                                                                     \
        if (status != ELBOW_OK) goto done;                                                                   \
    } while (0)

#define ELBOW_CHECK_OR_DONE(condition, ...)                                                                  \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            status = elbow_fail(__VA_ARGS__);                                                                \
            goto done;                                                                                       \
        }                                                                                                    \
    } while (0)

#endif

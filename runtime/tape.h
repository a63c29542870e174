/*  tape - a file with everything that an actor took in, and what it did with it, in order.

    An event is an input (a message, a turn, a frame from the network), a value that the actor
    was given while it handled one (time, chance, what a call came to), or an output. Events are
    numbered from 1. A tape begins with the start of an instance, so its inputs and values,
    given again to another instance of the class, must bring forth the same outputs:
    runtime/replay.h.

    The file: eight bytes of magic; a msgpack list, the head; one list an event, [kind,
   [number...], [bytes or nil...]]; the last is `end` with a sum of all bytes before it. A file
   without a right end is no tape.  */

#pragma once

#include "schemas/base.h"

enum { TAPE_VERSION = 1, TAPE_NUMBERS = 3, TAPE_TEXTS = 8 };
#define TAPE_MOST ((size_t) 1 << 30) /* bytes of a file */

typedef enum tape_class { TAPE_INPUT, TAPE_VALUE, TAPE_OUTPUT, TAPE_END } tape_class_t;

/*  Kind, class, names of its numbers and of its texts. What begins with `$` is a text, with its
    NUL; what begins with `?` is what the call came to, and not compared.  */
#define TAPE_KIND_MAP(X)                                                                       \
    X(start, INPUT, NAMES(0), NAMES(0))                                                        \
    X(letter, INPUT, NAMES(0), NAMES("header", "payload"))                                     \
    X(turn, INPUT, NAMES("idle"), NAMES(0))                                                    \
    X(ready, INPUT, NAMES("descriptor", "ready"), NAMES(0))                                    \
    X(tapped, INPUT, NAMES(0), NAMES("record"))                                                \
    X(upgrade, INPUT, NAMES("upgrade", "conn"),                                                \
      NAMES("$method", "$path", "$query", "$protocol", "$origin", "$host", "$authorization",   \
            "$peer"))                                                                          \
    X(open, INPUT, NAMES("conn", "token"), NAMES(0))                                           \
    X(frame, INPUT, NAMES("conn", "binary"), NAMES("frame"))                                   \
    X(drained, INPUT, NAMES("conn"), NAMES(0))                                                 \
    X(closed, INPUT, NAMES("conn", "status"), NAMES("$reason"))                                \
    X(drain, INPUT, NAMES(0), NAMES(0))                                                        \
    X(now, VALUE, NAMES("?ns"), NAMES(0))                                                      \
    X(wall, VALUE, NAMES("?ms"), NAMES(0))                                                     \
    X(chance, VALUE, NAMES("?number"), NAMES(0))                                               \
    X(monitor, VALUE, NAMES(0), NAMES("?$address"))                                            \
    X(queued, VALUE, NAMES("conn", "?bytes"), NAMES(0))                                        \
    X(listening, VALUE, NAMES("?port", "?error"), NAMES("?$text"))                             \
    X(dialled, VALUE, NAMES("?conn", "?error"), NAMES("?$text"))                               \
    X(put, OUTPUT, NAMES("lane", "?error"), NAMES("$to", "header", "payload"))                 \
    X(log, OUTPUT, NAMES(0), NAMES("$level", "$text"))                                         \
    X(state, OUTPUT, NAMES("state"), NAMES("$reason"))                                         \
    X(watch, OUTPUT, NAMES("descriptor", "ready"), NAMES(0))                                   \
    X(watch_tap, OUTPUT, NAMES("want", "?error"), NAMES(0))                                    \
    X(listen, OUTPUT, NAMES(0), NAMES("$address", "$certificate", "$key"))                     \
    X(dial, OUTPUT, NAMES("authorized"), NAMES("$url", "$protocol", "$ca_file"))               \
    X(send, OUTPUT, NAMES("conn", "binary"), NAMES("frame"))                                   \
    X(pause, OUTPUT, NAMES("conn", "pause"), NAMES(0))                                         \
    X(hang_up, OUTPUT, NAMES("conn", "code"), NAMES("$reason"))                                \
    X(reply, OUTPUT, NAMES("conn", "status", "token"),                                         \
      NAMES("$protocol", "$type", "$headers", "$body"))                                        \
    X(end, END, NAMES("events", "sum"), NAMES(0))

#define X(name, class, numbers, texts) TAPE_##name,
typedef enum tape_kind { TAPE_KIND_MAP(X) TAPE_KIND_COUNT } tape_kind_t;
#undef X

typedef struct tape_about {
    const char *name;
    tape_class_t class;
    const char *numbers[TAPE_NUMBERS + 1]; /* names, NULL-terminated */
    const char *texts[TAPE_TEXTS + 1];
} tape_about_t;
const tape_about_t *tape_about(tape_kind_t kind);

typedef struct tape_event {
    tape_kind_t kind;
    uint64_t numbers[TAPE_NUMBERS];
    bytes_t texts[TAPE_TEXTS]; /* data NULL: none */
} tape_event_t;

/*  A text as an event holds it, and back. NULL stays NULL.  */
bytes_t tape_text(const char *text);
const char *tape_text_of(bytes_t text);

typedef struct tape_head {
    const char *actor;
    const char *program;  /* version */
    uint64_t schemas;     /* what the messages of its build look like: tape_schemas() */
    const char *settings; /* text of a config file */
    bytes_t state;        /* of its cell when it started: cell_state.c */
} tape_head_t;

uint64_t tape_schemas(void);

/*  ---------------------------------------------------------------------- writing  */

typedef struct tape tape_t;

/*  A new file, absolute path, mode 0600. ERR_EXISTS: there is one.  */
CHECKED err_t tape_new(const char *path, const tape_head_t *head, tape_t **self,
                       fault_t *fault);
/*  What cannot be written is told at the end.  */
void tape_write(tape_t *self, const tape_event_t *event);
/*  No more fits, or something could not be written: end it.  */
bool tape_is_full(const tape_t *self);
/*  Writes the end and closes. *events (may be NULL): how many there are. The object is gone in
    any case.  */
CHECKED err_t tape_end(tape_t **self, uint64_t *events, fault_t *fault);

/*  ---------------------------------------------------------------------- reading  */

typedef struct tape_reader tape_reader_t;

/*  Reads the whole file and looks at all of it. ERR_MALFORMED: it is no tape, not whole, or of
    another build.  */
CHECKED err_t tape_open(const char *path, tape_reader_t **self, fault_t *fault);
/*  The same for bytes, which are taken over (and freed).  */
CHECKED err_t tape_open_bytes(uint8_t *data, size_t size, tape_reader_t **self, fault_t *fault);
void tape_reader_destroy(tape_reader_t **self);
const tape_head_t *tape_head(const tape_reader_t *self);
/*  Without the end.  */
size_t tape_size(const tape_reader_t *self);
/*  Number n, from 1.  */
tape_event_t tape_at(const tape_reader_t *self, size_t n);

/*  ---------------------------------------------------------------------- telling  */

/*  Adds the event as one line without a newline; secrets masked.  */
void tape_describe(const tape_event_t *event, buffer_t *out);
/*  The input that event n belongs to.  */
size_t tape_input_of(const tape_reader_t *self, size_t n);
/*  The output of the same actor that led to that input, as far as its message tells; 0: none.
 */
size_t tape_cause_of(const tape_reader_t *self, size_t input);

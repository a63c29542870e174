/*  base - the few words every file in this project may assume.

    Errors, bytes, and the one place where memory is taken. Out of memory ends the
    process there: nothing above this file has a cleanup path for it.  */

#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  Every way a call can fail, declared once: name, text, worth trying again?
    The names of the second group travel on the wire as verdict codes.  */
#define ERROR_MAP(X)                                                                           \
    X(MALFORMED, "it does not fit its schema", false)                                          \
    X(UNKNOWN, "there is no such message", false)                                              \
    X(UNDECLARED, "the sender never declared that it sends this there", false)                 \
    X(NO_ROUTE, "there is no such actor", false)                                               \
    X(EXPIRED, "its deadline had passed", false)                                               \
    X(POISON, "its handler failed too often", false)                                           \
    X(OVERFLOW, "the receiver is too slow", true)                                              \
    X(UNANSWERED, "the actor did not answer", false)                                           \
    X(REFUSED, "refused", false)                                                               \
    X(FAILED, "the actor failed", true)                                                        \
    X(STOPPED, "shutting down", true)                                                          \
    X(TIMEOUT, "no answer in time", true)                                                      \
    X(OFFLINE, "the peer is out of reach", true)                                               \
    X(REGRESSED, "the position moved backwards", false)                                        \
    X(GAP, "a transaction is missing before this one", true)                                   \
    X(STORAGE, "the database refused", true)                                                   \
    X(BUSY, "the database is locked by another program", true)                                 \
    X(FULL, "the disk is full", true)                                                          \
    X(READONLY, "the database cannot be written", false)                                       \
    X(NOT_DATABASE, "the file is not a database", false)                                       \
    X(CORRUPT, "the database is damaged", false)                                               \
    X(IO, "the system refused", true)                                                          \
    X(EXISTS, "it is in use already", false)                                                   \
    X(NOT_FOUND, "there is no such thing", false)                                              \
    X(CONFIG, "the configuration is wrong", false)                                             \
    X(USAGE, "wrong usage", false)                                                             \
    X(PROTOCOL, "the peer broke the protocol", false)                                          \
    /* verdict codes */                                                                        \
    X(ENTITY_NOT_FOUND, "the row does not exist", false)                                       \
    X(PERMISSION_DENIED, "this client may not change the row", false)                          \
    X(RULE_VIOLATION, "a rule of the database forbids it", false)                              \
    X(INVALID_CHANGE, "the change does not fit the schema", false)                             \
    X(TOO_LARGE, "larger than the limit", false)                                               \
    X(STALE, "the row has changed since this client saw it", false)                            \
    X(RETRY_LATER, "the server could not decide now", true)

typedef enum err {
    OK,
#define X(name, text, retry) ERR_##name,
    ERROR_MAP(X)
#undef X
        ERR_COUNT
} err_t;

/*  "ENTITY_NOT_FOUND"; "OK" for OK.  */
const char *err_name(err_t err);
const char *err_text(err_t err);
bool err_is_transient(err_t err);
/*  The error of that name; ERR_COUNT if there is none.  */
err_t err_named(const char *name);

/*  The caller must look at the result.  */
#define CHECKED __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/*  What to tell a person: the thing, the cause and the way out, in one line. Whatever
    takes a fault_t fills it exactly when it returns something other than OK.  */
typedef struct fault {
    err_t err;
    char text[512];
} fault_t;

/*  Formats one line that everybody accepts: what controls a terminal becomes '?', and so do
    letters that are not UTF-8, as when the end cuts one in two.  */
void line_format(char *text, size_t room, const char *format, va_list arguments)
    PRINTF_LIKE(3, 0);

/*  Fills fault (which may be NULL) and gives err back: return fault_set(...);  */
err_t fault_set(fault_t *fault, err_t err, const char *format, ...) PRINTF_LIKE(3, 4);

/*  AUTO(thing) x = thing_new();  is destroyed when it leaves scope. Works for every
    class here and in czmq: both spell thing_destroy(thing_t **).  */
#define AUTO(type) __attribute__((cleanup(type##_destroy))) type##_t *

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

typedef struct bytes {
    const uint8_t *data;
    size_t size;
} bytes_t;

/*  Zeroed memory; never NULL. Given back with free().  */
void *mem_new(size_t size);
/*  As realloc(), never NULL; the new part is not zeroed.  */
void *mem_grow(void *block, size_t size);
char *mem_text(const char *text);
char *mem_format(const char *format, ...) PRINTF_LIKE(1, 2);

/*  A buffer that grows: data is valid until the next change. Zero is empty.  */
typedef struct buffer {
    uint8_t *data;
    size_t size;
    size_t room;
} buffer_t;

void buffer_add(buffer_t *self, const void *data, size_t size);
void buffer_add_text(buffer_t *self, const char *text);
void buffer_add_format(buffer_t *self, const char *format, ...) PRINTF_LIKE(2, 3);
/*  Ends the bytes with a NUL that size does not count, and lends them as text.  */
const char *buffer_text(buffer_t *self);
/*  Keeps the room, forgets the bytes.  */
void buffer_clear(buffer_t *self);
/*  Frees the bytes; the struct is empty and usable afterwards.  */
void buffer_release(buffer_t *self);
bytes_t buffer_bytes(const buffer_t *self);

/*  An arena: many small pieces, given back at once. Zero is empty. Pieces are aligned
    for any type and zeroed.  */
typedef struct arena {
    struct arena_block *block;
} arena_t;

void *arena_new(arena_t *self, size_t size);
char *arena_text(arena_t *self, const char *text);
char *arena_text_of(arena_t *self, const void *data, size_t size);
bytes_t arena_bytes(arena_t *self, bytes_t bytes);
/*  Forgets every piece but keeps one block, so that a loop does not allocate.  */
void arena_clear(arena_t *self);
void arena_release(arena_t *self);
/*  Bytes taken for it.  */
size_t arena_room(const arena_t *self);

/*  Log sequence numbers: 64 bits, written HI/LO in upper-case hex without padding.  */
enum { LSN_TEXT = 24 };
const char *lsn_text(uint64_t lsn, char text[LSN_TEXT]);
/*  False if text is not ^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$.  */
bool lsn_parse(const char *text, uint64_t *lsn);

/*  UUIDs. The low 12 bits of random_hi follow the time, 62 bits of random_lo follow them: a
    counter in random_hi keeps ids of one millisecond in order. uuid_text writes 36
    characters and a NUL.  */
enum { UUID_TEXT = 37 };
void uuid_v7(uint8_t uuid[16], uint64_t unix_ms, uint64_t random_hi, uint64_t random_lo);
const char *uuid_text(const uint8_t uuid[16], char text[UUID_TEXT]);
bool uuid_is_zero(const uint8_t uuid[16]);
/*  As uuid_text() writes it: small letters.  */
bool uuid_is_text(const char *text);

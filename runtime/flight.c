#include "runtime/flight.h"

#include <assert.h>
#include <string.h>

/*  An entry is words, so that each is written and read whole. A type that is declared is its
    hash; only one of a plug-in's own has a text. What an entry has no use for it leaves as it
    was, and says so in its bits.  */
enum {
    TIME,
    ID,               /* 2 */
    TRACE = ID + 2,   /* 2 */
    SIZE = TRACE + 2, /* and hash */
    BITS,
    PEER,            /* 4 */
    CORR = PEER + 4, /* 2 */
    TYPE = CORR + 2, /* 3 */
    WORDS = TYPE + 3,
    TYPE_ROOM = 3 * sizeof(uint64_t),
};
_Static_assert((int) WORDS == (int) FLIGHT_WORDS, "what is written fits an entry");

enum { HAS_CORR = 1, HAS_TYPE = 2 };

/*  ------------------------------------------------------------------------- writing  */

static void
put_word(counter_t *word, uint64_t value)
{
    /* Whoever sees a new word sees that its entry was begun. */
    atomic_store_explicit(word, value, memory_order_release);
}

static void
put_bytes(counter_t *words, const void *bytes, size_t n)
{
    uint64_t values[4];
    assert(n <= COUNT_OF(values));
    memcpy(values, bytes, n * sizeof *values);
    for (size_t i = 0; i < n; i++)
        put_word(&words[i], values[i]);
}

static void
put_peer(flight_t *self, counter_t *words, const char *name)
{
    if (strncmp(self->peer, name, FLIGHT_NAME) != 0) {
        memset(self->peer, 0, sizeof self->peer);
        memcpy(self->peer, name, strnlen(name, FLIGHT_NAME));
        memcpy(self->peer_words, self->peer, FLIGHT_NAME);
    }
    for (size_t i = 0; i < COUNT_OF(self->peer_words); i++)
        put_word(&words[i], self->peer_words[i]);
}

static void
put_type(counter_t *words, const char *type)
{
    char text[TYPE_ROOM] = "";
    memcpy(text, type, strnlen(type, sizeof text));
    put_bytes(words, text, TYPE_ROOM / sizeof(uint64_t));
}

static uint64_t
bits_of(tap_point_t point, const envelope_t *envelope, err_t err)
{
    uint64_t has = (envelope->hash == 0 ? HAS_TYPE : 0)
                   | (envelope_lane(envelope->kind) == LANE_hi ? HAS_CORR : 0);
    return (uint64_t) point | (uint64_t) envelope->kind << 8 | (uint64_t) err << 16
           | (uint64_t) envelope->attempt << 24 | has << 32;
}

void
flight_add(flight_t *self, tap_point_t point, const envelope_t *envelope, size_t size,
           err_t err, uint64_t now_ns)
{
    uint64_t n = counter_get(&self->begun);
    counter_t *words = self->words[n % FLIGHT_KEPT];
    uint64_t bits = bits_of(point, envelope, err);
    counter_set(&self->begun, n + 1);
    put_word(&words[TIME], now_ns);
    put_bytes(&words[ID], envelope->id, 2);
    put_bytes(&words[TRACE], envelope->trace, 2);
    put_word(&words[SIZE], (uint64_t) (uint32_t) size << 32 | envelope->hash);
    put_word(&words[BITS], bits);
    put_peer(self, &words[PEER], point == TAP_send ? envelope->to : envelope->from);
    if (bits >> 32 & HAS_CORR)
        put_bytes(&words[CORR], envelope->corr, 2);
    if (bits >> 32 & HAS_TYPE)
        put_type(&words[TYPE], envelope->type);
    counter_set(&self->whole, n + 1);
}

void
flight_clear(flight_t *self)
{
    counter_set(&self->whole, 0);
    counter_set(&self->begun, 0);
}

/*  ------------------------------------------------------------------------- reading  */

uint64_t
flight_count(const flight_t *self)
{
    return counter_get(&self->whole);
}

static const char *
type_of_hash(uint32_t hash)
{
    for (message_id_t id = 0; id < MSG_COUNT; id++)
        if (schema_hash(id) == hash)
            return schema_of(id)->name;
    return "?";
}

static void
name_type(const uint64_t words[FLIGHT_WORDS], char type[FLIGHT_NAME + 1])
{
    if (words[BITS] >> 32 & HAS_TYPE) {
        memcpy(type, &words[TYPE], TYPE_ROOM);
        return;
    }
    const char *name = type_of_hash((uint32_t) words[SIZE]);
    memcpy(type, name, strnlen(name, FLIGHT_NAME));
}

static void
fill_note(const uint64_t words[FLIGHT_WORDS], flight_note_t *note)
{
    memset(note, 0, sizeof *note);
    note->time_ns = words[TIME];
    note->size = (uint32_t) (words[SIZE] >> 32);
    note->point = (uint8_t) words[BITS];
    note->kind = (uint8_t) (words[BITS] >> 8);
    note->err = (uint8_t) (words[BITS] >> 16);
    note->attempt = (uint8_t) (words[BITS] >> 24);
    memcpy(note->id, &words[ID], sizeof note->id);
    memcpy(note->trace, &words[TRACE], sizeof note->trace);
    if (words[BITS] >> 32 & HAS_CORR)
        memcpy(note->corr, &words[CORR], sizeof note->corr);
    memcpy(note->peer, &words[PEER], FLIGHT_NAME);
    name_type(words, note->type);
}

bool
flight_read(const flight_t *self, uint64_t n, flight_note_t *note)
{
    uint64_t words[FLIGHT_WORDS];
    for (size_t i = 0; i < FLIGHT_WORDS; i++)
        words[i] = atomic_load_explicit(&self->words[n % FLIGHT_KEPT][i], memory_order_acquire);
    if (counter_get(&self->begun) > n + FLIGHT_KEPT)
        return false;
    fill_note(words, note);
    return true;
}

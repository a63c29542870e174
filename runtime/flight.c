#include "runtime/flight.h"

#include <assert.h>
#include <string.h>

/*  An entry is words, so that each is written and read whole, and fits a line of the cache. A
    type that is declared is its hash; names are numbers of the table.  */
enum {
    TIME,
    ID,               /* 2; of an answer, what it answers */
    TRACE = ID + 2,   /* 2 */
    SIZE = TRACE + 2, /* and type */
    BITS,
    WORDS,
};
_Static_assert((int) WORDS <= (int) FLIGHT_WORDS, "what is written fits an entry");

/*  Where in BITS what is, from the lowest.  */
enum { POINT_AT = 0, KIND_AT = 8, ERR_AT = 16, ATTEMPT_AT = 24, PEER_AT = 32, NAMED_AT = 48 };

/*  --------------------------------------------------------------------------- names  */

/*  Its number, if the table still has it; else UINT64_MAX.  */
static uint64_t
find_name(const flight_t *self, const char *name)
{
    uint64_t count = counter_get(&self->n_names);
    for (uint64_t i = 1; i <= count && i <= FLIGHT_NAMES; i++)
        if (strncmp(self->texts[(count - i) % FLIGHT_NAMES], name, FLIGHT_NAME) == 0)
            return count - i;
    return UINT64_MAX;
}

static uint64_t
add_name(flight_t *self, const char *name)
{
    uint64_t number = counter_get(&self->n_names);
    char *text = self->texts[number % FLIGHT_NAMES];
    uint64_t words[FLIGHT_NAME_WORDS];
    memset(text, 0, FLIGHT_NAME + 1);
    memcpy(text, name, strnlen(name, FLIGHT_NAME));
    memcpy(words, text, sizeof words);
    counter_set(&self->n_names, number + 1);
    for (size_t i = 0; i < FLIGHT_NAME_WORDS; i++)
        counter_set(&self->names[number % FLIGHT_NAMES][i], words[i]);
    return number;
}

static uint64_t
number_of(flight_t *self, const char *name)
{
    const char *last = self->texts[self->last_name % FLIGHT_NAMES];
    if (last[0] != '\0' && strncmp(last, name, FLIGHT_NAME) == 0)
        return self->last_name;
    uint64_t number = find_name(self, name);
    self->last_name = number == UINT64_MAX ? add_name(self, name) : number;
    return self->last_name;
}

/*  low: the lowest bits of its number, so many as mask has. The table may have another in its
    place by now.  */
static void
read_name(const flight_t *self, uint64_t low, uint64_t mask, char out[FLIGHT_NAME + 1])
{
    uint64_t words[FLIGHT_NAME_WORDS];
    uint64_t last = counter_get(&self->n_names) - 1;
    uint64_t number = last - ((last - low) & mask);
    for (size_t i = 0; i < FLIGHT_NAME_WORDS; i++)
        words[i] = counter_get(&self->names[number % FLIGHT_NAMES][i]);
    if (counter_get(&self->n_names) > number + FLIGHT_NAMES)
        out[0] = '?';
    else
        memcpy(out, words, FLIGHT_NAME);
}

/*  ------------------------------------------------------------------------- writing  */

static void
put_id(counter_t *words, const uint8_t id[16])
{
    uint64_t values[2];
    memcpy(values, id, sizeof values);
    counter_set(&words[0], values[0]);
    counter_set(&words[1], values[1]);
}

static bool
is_answer(envelope_kind_t kind)
{
    return envelope_lane(kind) == LANE_hi;
}

static uint64_t
bits_of(const flight_event_t *event, uint64_t peer)
{
    const envelope_t *envelope = event->envelope;
    return (uint64_t) event->point << POINT_AT | (uint64_t) envelope->kind << KIND_AT
           | (uint64_t) event->err << ERR_AT | (uint64_t) envelope->attempt << ATTEMPT_AT
           | (peer & UINT16_MAX) << PEER_AT | (uint64_t) (envelope->hash == 0) << NAMED_AT;
}

void
flight_add(flight_t *self, const flight_event_t *event)
{
    const envelope_t *envelope = event->envelope;
    uint64_t type =
        envelope->hash ? envelope->hash : (uint32_t) number_of(self, envelope->type);
    uint64_t peer = number_of(self, event->point == TAP_send ? envelope->to : envelope->from);
    uint64_t n = counter_get(&self->begun);
    counter_t *words = self->words[n % FLIGHT_KEPT];
    /* Whoever sees a new word sees that its entry was begun. */
    counter_set(&self->begun, n + 1);
    counter_set(&words[TIME], event->now_ns);
    put_id(&words[ID], is_answer(envelope->kind) ? envelope->corr : envelope->id);
    put_id(&words[TRACE], envelope->trace);
    counter_set(&words[SIZE], (uint64_t) (uint32_t) event->size << 32 | type);
    counter_set(&words[BITS], bits_of(event, peer));
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
name_both(const flight_t *self, const uint64_t words[WORDS], flight_note_t *note)
{
    uint32_t type = (uint32_t) words[SIZE];
    read_name(self, words[BITS] >> PEER_AT & UINT16_MAX, UINT16_MAX, note->peer);
    if (words[BITS] >> NAMED_AT & 1) {
        read_name(self, type, UINT32_MAX, note->type);
        return;
    }
    const char *name = type_of_hash(type);
    memcpy(note->type, name, strnlen(name, FLIGHT_NAME));
}

static void
fill_note(const uint64_t words[WORDS], flight_note_t *note)
{
    memset(note, 0, sizeof *note);
    note->time_ns = words[TIME];
    note->size = (uint32_t) (words[SIZE] >> 32);
    note->point = (uint8_t) (words[BITS] >> POINT_AT);
    note->kind = (uint8_t) (words[BITS] >> KIND_AT);
    note->err = (uint8_t) (words[BITS] >> ERR_AT);
    note->attempt = (uint8_t) (words[BITS] >> ATTEMPT_AT);
    memcpy(note->trace, &words[TRACE], sizeof note->trace);
    memcpy(is_answer(note->kind) ? note->corr : note->id, &words[ID], sizeof note->id);
}

bool
flight_read(const flight_t *self, uint64_t n, flight_note_t *note)
{
    uint64_t words[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        words[i] = counter_get(&self->words[n % FLIGHT_KEPT][i]);
    if (counter_get(&self->begun) > n + FLIGHT_KEPT)
        return false;
    fill_note(words, note);
    name_both(self, words, note);
    return true;
}

#include "runtime/sim_outsider.h"

#include <stdlib.h>
#include <string.h>

const char outsider_name[] = "ipc";

typedef struct ask {
    struct ask *next;
    uint8_t id[16];
    uint64_t number;
} ask_t;

typedef struct heard {
    struct heard *next;
    message_id_t id;
    uint64_t ask;
    char from[NAME_ROOM + 1];
    size_t size;
    uint8_t payload[];
} heard_t;

struct outsider {
    world_t *world;
    outsider_way_t way;
    port_t *port; /* NULL: the node is down */
    ask_t *asks;
    uint64_t last_ask;
    heard_t *first, *last;
    heard_t *taken; /* lent to the caller */
    arena_t arena;
};

outsider_t *
outsider_new(world_t *world)
{
    outsider_t *self = mem_new(sizeof *self);
    self->world = world;
    return self;
}

static err_t
put(void *self, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    const outsider_way_t *way = &((outsider_t *) self)->way;
    return way->put(way->node, to, lane, header, payload);
}

static uint64_t
now_ns(void *self)
{
    return ((outsider_t *) self)->world->now_ns;
}

static uint64_t
chance(void *self)
{
    return world_random(((outsider_t *) self)->world);
}

static int64_t
wall_ms(void *self)
{
    return world_wall_ms(((outsider_t *) self)->world);
}

static void
dead(void *self, const envelope_t *envelope, bytes_t payload, err_t why)
{
    (void) payload;
    if (((outsider_t *) self)->world->log)
        fprintf(stderr, "%s to %s: %s\n", envelope->type, envelope->to, err_text(why));
}

void
outsider_join(outsider_t *self, outsider_way_t way, uint64_t epoch)
{
    transport_t transport = {.self = self,
                             .put = put,
                             .now_ns = now_ns,
                             .random = chance,
                             .wall_ms = wall_ms,
                             .dead = dead};
    self->way = way;
    self->port = port_new(outsider_name, &transport, epoch);
}

void
outsider_leave(outsider_t *self)
{
    while (self->asks) {
        ask_t *ask = self->asks;
        self->asks = ask->next;
        free(ask);
    }
    port_destroy(&self->port);
}

void
outsider_destroy(outsider_t **self_p)
{
    outsider_t *self = *self_p;
    if (self == NULL)
        return;
    outsider_leave(self);
    while (self->first) {
        heard_t *heard = self->first;
        self->first = heard->next;
        free(heard);
    }
    free(self->taken);
    arena_release(&self->arena);
    free(self);
    *self_p = NULL;
}

/*  ------------------------------------------------------------------------- speaking  */

static void
say(outsider_t *self, envelope_t *draft, message_id_t id, const void *body)
{
    buffer_t packed = {0};
    message_pack(id, body, &packed);
    blob_t *payload = blob_new(buffer_bytes(&packed));
    draft->type = schema_of(id)->name;
    draft->hash = schema_hash(id);
    /*  To nobody: the dead letter has been counted.  */
    (void) port_send(self->port, draft, payload, NULL);
    blob_unref(&payload);
    buffer_release(&packed);
}

void
outsider_tell(outsider_t *self, const char *to, message_id_t id, const void *body)
{
    if (self->port)
        say(self, &(envelope_t){.kind = ENVELOPE_CAST, .to = to}, id, body);
}

uint64_t
outsider_ask(outsider_t *self, const char *to, message_id_t id, const void *body)
{
    uint64_t number = ++self->last_ask;
    if (self->port == NULL)
        return number;
    envelope_t draft = {.kind = ENVELOPE_REQ, .to = to};
    say(self, &draft, id, body);
    ask_t *ask = mem_new(sizeof *ask);
    memcpy(ask->id, draft.id, sizeof ask->id);
    ask->number = number;
    ask->next = self->asks;
    self->asks = ask;
    return number;
}

/*  -------------------------------------------------------------------------- hearing  */

static uint64_t
take_ask(outsider_t *self, const uint8_t id[16])
{
    for (ask_t **at = &self->asks; *at; at = &(*at)->next)
        if (memcmp((*at)->id, id, 16) == 0) {
            ask_t *ask = *at;
            uint64_t number = ask->number;
            *at = ask->next;
            free(ask);
            return number;
        }
    return 0;
}

static void
keep(outsider_t *self, const letter_t *letter, uint64_t ask)
{
    message_id_t id = message_named(letter->envelope.type);
    if (id == MSG_COUNT)
        return;
    heard_t *heard = mem_new(sizeof *heard + letter->payload.size);
    heard->id = id;
    heard->ask = ask;
    memcpy(heard->from, letter->envelope.from, strlen(letter->envelope.from));
    heard->size = letter->payload.size;
    if (heard->size > 0)
        memcpy(heard->payload, letter->payload.data, heard->size);
    if (self->last)
        self->last->next = heard;
    else
        self->first = heard;
    self->last = heard;
}

static void
take_answer(outsider_t *self, const letter_t *letter)
{
    uint64_t ask = take_ask(self, letter->envelope.corr);
    if (ask != 0)
        keep(self, letter, ask);
}

static void
take_event(outsider_t *self, const letter_t *letter)
{
    if (port_admit(self->port, &letter->envelope, letter->payload.size) != ADMIT)
        return;
    keep(self, letter, 0);
    port_done(self->port, &letter->envelope);
}

void
outsider_receive(outsider_t *self, letter_t *letter)
{
    if (envelope_lane(letter->envelope.kind) == LANE_lo)
        take_event(self, letter);
    else if (letter->envelope.kind == ENVELOPE_CREDIT)
        port_on_credit(self->port, &letter->envelope, NULL);
    else
        take_answer(self, letter);
    port_settle(self->port);
    letter->release(letter);
}

/*  What does not fit its schema is not worth hearing.  */
static void *
unpack_taken(outsider_t *self)
{
    const heard_t *heard = self->taken;
    arena_clear(&self->arena);
    void *body = arena_new(&self->arena, schema_of(heard->id)->size);
    bytes_t packed = {heard->payload, heard->size};
    return message_unpack(heard->id, packed, &self->arena, body, NULL) == OK ? body : NULL;
}

bool
outsider_take(outsider_t *self, sim_heard_t *heard)
{
    void *body = NULL;
    while (body == NULL) {
        free(self->taken);
        self->taken = self->first;
        if (self->first == NULL)
            return false;
        self->first = self->taken->next;
        if (self->first == NULL)
            self->last = NULL;
        body = unpack_taken(self);
    }
    *heard = (sim_heard_t){
        .id = self->taken->id,
        .ask = self->taken->ask,
        .from = self->taken->from,
        .body = body,
    };
    return true;
}

/*  Messages that were not delivered, and messages that a person sends.  */

#include "runtime/cell_private.h"
#include "runtime/raw.h"
#include "runtime/system_private.h"

#include <string.h>

enum {
    NS_PER_MS = 1000000,
    US_PER_MS = 1000,
    TOLD = 100,
    BYTES_TOLD = 512 << 10, /* of payloads, in one answer */
    CALL_TIMEOUT_MS = 25000 /* less than whoever asked us waits */
};

void
system_bury(system_t *self, const envelope_t *envelope, bytes_t payload, err_t why)
{
    if (self == NULL)
        return;
    int64_t now_ms = self->options.wall_us(self->options.self) / US_PER_MS;
    pthread_mutex_lock(&self->lock);
    graveyard_add(&self->graveyard, envelope, payload, why, now_ms);
    pthread_mutex_unlock(&self->lock);
}

void
system_note_dead(void *system, const envelope_t *envelope, bytes_t payload, err_t why)
{
    system_bury(system, envelope, payload, why);
}

/*  ------------------------------------------------------------------------- telling  */

static const char *
id_text(arena_t *arena, const uint8_t id[16])
{
    char text[UUID_TEXT];
    return uuid_is_zero(id) ? NULL : arena_text(arena, uuid_text(id, text));
}

/*  What others may see of it: of a message that is not declared nothing.  */
static bytes_t
body_of(const grave_t *grave, size_t room, arena_t *arena)
{
    message_id_t id = message_named(grave->type);
    if (id == MSG_COUNT || grave->payload.size > room
        || raw_check(grave->type, grave->payload, NULL) != OK)
        return (bytes_t){0};
    buffer_t masked = {0};
    bool secret = message_redact(id, grave->payload, &masked);
    bytes_t body = arena_bytes(arena, secret ? buffer_bytes(&masked) : grave->payload);
    buffer_release(&masked);
    return body;
}

static dead_letter_t
describe(const grave_t *grave, size_t room, arena_t *arena)
{
    return (dead_letter_t){
        .n = grave->n,
        .time = grave->time_ms,
        .reason = err_name(grave->why),
        .type = arena_text(arena, grave->type),
        .kind = envelope_kind_name(grave->kind),
        .from = arena_text(arena, grave->from),
        .to = arena_text(arena, grave->to),
        .id = id_text(arena, grave->id),
        .trace = id_text(arena, grave->trace),
        .size = grave->size,
        .body = body_of(grave, room, arena),
    };
}

void
system_dead_letters(ctx_t *ctx, const dead_letters_get_t *question, dead_letters_t *letters)
{
    system_t *self = ctx_system(ctx);
    arena_t *arena = ctx_arena(ctx);
    uint64_t limit = question->limit == 0 ? TOLD : question->limit;
    limit = limit < GRAVES ? limit : GRAVES;
    *letters = (dead_letters_t){.letters = arena_new(arena, limit * sizeof *letters->letters)};
    pthread_mutex_lock(&self->lock);
    const graveyard_t *graveyard = &self->graveyard;
    uint64_t first = graveyard_first(graveyard);
    size_t bytes = 0;
    letters->total = graveyard->count;
    for (uint64_t n = question->after < first ? first : question->after + 1;
         n <= graveyard->count && letters->n_letters < limit && bytes < BYTES_TOLD; n++) {
        const grave_t *grave = graveyard_at(graveyard, n);
        if (grave == NULL)
            continue;
        letters->letters[letters->n_letters++] = describe(grave, BYTES_TOLD - bytes, arena);
        bytes += letters->letters[letters->n_letters - 1].body.size;
    }
    pthread_mutex_unlock(&self->lock);
}

/*  ------------------------------------------------------------------------- sending  */

/*  Of those who joined only the gateway knows who they are, and what they take.  */
static bool
has_joined(const char *name)
{
    return strcmp(name, "ipc") == 0 || strncmp(name, "ipc/", strlen("ipc/")) == 0;
}

/*  Of a type that we know anybody can be sent one: what its receiver does not take becomes a
   dead letter. A type of a plug-in's own that nobody takes is a slip of whoever typed it.  */
static err_t
check_taker(system_t *self, const system_letter_t *letter, fault_t *fault)
{
    const bool strange = message_named(letter->type) == MSG_COUNT;
    err_t err = fault_set(fault, ERR_NO_ROUTE,
                          "there is no actor %s; `waybill tap tree` lists them", letter->to);
    pthread_mutex_lock(&self->lock);
    for (const resident_t *each = NULL; (each = system_next(self, each)) != NULL;)
        if (each->cell != NULL && strcmp(each->name, letter->to) == 0)
            err = strange && !class_takes(cell_class(each->cell), letter->type) ? fault_set(
                      fault, ERR_UNKNOWN, "%s does not take %s", letter->to, letter->type)
                                                                                : OK;
    pthread_mutex_unlock(&self->lock);
    return err;
}

/*  Whoever looks into a process must not wait for those who are stuck in it: without credit
    nothing is sent.  */
static err_t
check_receiver(cell_t *self, const system_letter_t *letter, fault_t *fault)
{
    if (letter->to == NULL)
        return OK;
    if (strlen(letter->to) > NAME_ROOM)
        return fault_set(fault, ERR_NO_ROUTE, "no actor has so long a name");
    const err_t err =
        has_joined(letter->to) ? OK : check_taker(self->host.system, letter, fault);
    if (err != OK)
        return err;
    if (strcmp(letter->to, self->class->name) == 0)
        return fault_set(fault, ERR_REFUSED, "%s sends nothing to itself: ask it directly",
                         letter->to);
    if (port_credit(self->port, letter->to) == 0)
        return fault_set(fault, ERR_OVERFLOW, "%s takes no more messages now", letter->to);
    return OK;
}

static err_t
check_type(const system_letter_t *letter, fault_t *fault)
{
    message_id_t id = message_named(letter->type);
    if (strlen(letter->type) > NAME_ROOM)
        return fault_set(fault, ERR_UNKNOWN, "there is no message of so long a name");
    if (id == MSG_COUNT)
        return OK; /* a plug-in's own: its receiver knows */
    message_class_t class = schema_of(id)->class;
    bool fits = letter->kind == ENVELOPE_EVT   ? class == CLASS_EVENT
                : letter->kind == ENVELOPE_REQ ? class == CLASS_REQUEST
                                               : class == CLASS_COMMAND || class == CLASS_HINT;
    if (fits)
        return OK;
    return fault_set(fault, ERR_REFUSED,
                     "%s is of class %s: events are sent to nobody by name, requests are "
                     "called, commands and hints are sent to an actor",
                     letter->type, class_name(class));
}

static void
await(cell_t *self, const system_letter_t *letter, envelope_t *draft)
{
    request_t request = {.message = message_named(letter->type),
                         .token = letter->token,
                         .deadline_ms = draft->deadline_ns / NS_PER_MS + 1};
    memcpy(request.id, draft->id, sizeof request.id);
    requests_add(&self->requests, &request);
}

err_t
system_send(ctx_t *ctx, const system_letter_t *letter, fault_t *fault)
{
    cell_t *self = ctx->cell;
    message_id_t id = message_named(letter->type);
    err_t err = check_type(letter, fault);
    if (err == OK)
        err = raw_check(letter->type, letter->payload, fault);
    if (err == OK)
        err = check_receiver(self, letter, fault);
    if (err != OK)
        return err;
    envelope_t draft = {.kind = letter->kind,
                        .type = letter->type,
                        .hash = id == MSG_COUNT ? 0 : schema_hash(id),
                        .to = letter->to ? letter->to : "*"};
    if (letter->kind == ENVELOPE_REQ)
        draft.deadline_ns = cell_now_ns(self) + (uint64_t) CALL_TIMEOUT_MS * NS_PER_MS;
    blob_begin(&self->scratch);
    buffer_add(&self->scratch, letter->payload.data, letter->payload.size);
    err = cell_dispatch(self, &draft, NULL);
    if (err != OK)
        return fault_set(fault, err, "%s", err_text(err));
    if (letter->kind == ENVELOPE_REQ)
        await(self, letter, &draft);
    return OK;
}

/*  ----------------------------------------------------------------------- once more  */

/*  A copy that outlives the grave.  */
static err_t
exhume(system_t *self, uint64_t n, arena_t *arena, system_letter_t *letter, fault_t *fault)
{
    err_t err = OK;
    pthread_mutex_lock(&self->lock);
    const grave_t *grave = graveyard_at(&self->graveyard, n);
    if (grave == NULL)
        err = fault_set(fault, ERR_NOT_FOUND, "dead letter %llu is not kept (any more)",
                        (unsigned long long) n);
    else if (grave->payload.data == NULL)
        err = fault_set(fault, ERR_NOT_FOUND, "the payload of dead letter %llu was not kept",
                        (unsigned long long) n);
    else if (envelope_lane(grave->kind) == LANE_hi)
        err = fault_set(fault, ERR_REFUSED,
                        "dead letter %llu is an answer, and nobody waits for it any more",
                        (unsigned long long) n);
    else
        *letter = (system_letter_t){.kind = grave->kind,
                                    .to = strcmp(grave->to, "*") ? arena_text(arena, grave->to)
                                                                 : NULL,
                                    .type = arena_text(arena, grave->type),
                                    .payload = arena_bytes(arena, grave->payload)};
    pthread_mutex_unlock(&self->lock);
    return err;
}

err_t
system_requeue(ctx_t *ctx, uint64_t n, fault_t *fault)
{
    system_t *self = ctx_system(ctx);
    system_letter_t letter = {0};
    err_t err = exhume(self, n, ctx_arena(ctx), &letter, fault);
    if (err != OK || letter.type == NULL)
        return err;
    err = system_send(ctx, &letter, fault);
    if (err != OK)
        return err;
    pthread_mutex_lock(&self->lock);
    graveyard_remove(&self->graveyard, n);
    pthread_mutex_unlock(&self->lock);
    return OK;
}

uint64_t
system_requeue_all(ctx_t *ctx)
{
    system_t *self = ctx_system(ctx);
    uint64_t requeued = 0;
    fault_t fault; /* of one of many: it stays where it is, and can be asked for alone */
    pthread_mutex_lock(&self->lock);
    uint64_t n = graveyard_first(&self->graveyard), last = self->graveyard.count;
    pthread_mutex_unlock(&self->lock);
    for (; n <= last; n++)
        requeued += system_requeue(ctx, n, &fault) == OK;
    return requeued;
}

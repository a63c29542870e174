/*  Transactions of the log, message by message.  */

#include "actors/server/postgres/cache_private.h"

#include "actors/server/postgres/table_rows.h"

#include <stdio.h>
#include <string.h>

typedef err_t apply_fn(cache_t *self, const pgoutput_message_t *message, fault_t *fault);

static err_t
on_begin(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    self->inside = true;
    self->skipping = message->lsn <= self->now.captured;
    self->logged = 0;
    self->origin = (origin_t){
        .lsn = message->lsn, .time_ms = message->time_ms, .updated_at = message->time_ms};
    if (self->skipping)
        return OK;
    if (self->oldest_ms == 0)
        self->oldest_ms = message->time_ms;
    return cache_begin(self, fault);
}

static err_t
on_commit(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    (void) fault;
    if (!self->skipping) {
        self->now.head = self->logged > 0 ? self->origin.lsn : self->now.head;
        self->now.captured = self->origin.lsn;
        self->now.confirmed = message->end;
    }
    label_set_clear(&self->labels);
    self->inside = self->skipping = false;
    return OK;
}

static err_t
on_relation(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    (void) fault;
    cache_tell(self, message);
    return OK;
}

static bool
begins_with(bytes_t content, const char *token)
{
    const size_t size = strlen(token);
    return size > 0 && content.size >= size && memcmp(content.data, token, size) == 0;
}

static err_t
on_labels(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    label_t *labels = NULL;
    size_t n = 0;
    const size_t token = strlen(self->token);
    if (!begins_with(message->content, self->token))
        return fault_set(fault, ERR_PROTOCOL,
                         "a logical message \"%s\" in the log of the database does not come "
                         "from a server: who may call pg_logical_emit_message()?",
                         LABELS_PREFIX);
    const bytes_t packed = {message->content.data + token, message->content.size - token};
    const err_t err = labels_unpack(packed, &self->labels.arena, &labels, &n, fault);
    if (err == OK)
        label_set_add(&self->labels, labels, n);
    return err;
}

static const struct {
    const char *prefix;
    apply_fn *apply;
} messages[] = {
    {LABELS_PREFIX, on_labels},
    {TABLE_ROWS_PREFIX, cache_present},
    {TABLE_COPY_PREFIX, cache_copy},
};

/*  Any role may write a message: one that is none of ours must not end the stream.  */
static err_t
apply_message(cache_t *self, apply_fn *apply, const pgoutput_message_t *message, fault_t *fault)
{
    fault_t words = {0};
    const err_t err = apply(self, message, &words);
    if (err == ERR_PROTOCOL) {
        self->oddity = words;
        return OK;
    }
    return err == OK ? OK : fault_set(fault, err, "%s", words.text);
}

/*  Messages of others are nothing to us.  */
static err_t
on_message(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    if (!message->transactional || !self->inside || self->skipping)
        return OK;
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        if (strcmp(messages[i].prefix, message->prefix) == 0)
            return apply_message(self, messages[i].apply, message, fault);
    return OK;
}

static err_t
on_other(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    (void) self;
    (void) message;
    (void) fault;
    return OK;
}

static const struct {
    apply_fn *apply;
    bool writes; /* rows, inside of a transaction */
} actions[PGOUTPUT_KINDS] = {
    [PGOUTPUT_BEGIN] = {on_begin, false},         [PGOUTPUT_COMMIT] = {on_commit, false},
    [PGOUTPUT_RELATION] = {on_relation, false},   [PGOUTPUT_INSERT] = {cache_insert, true},
    [PGOUTPUT_UPDATE] = {cache_update, true},     [PGOUTPUT_DELETE] = {cache_delete, true},
    [PGOUTPUT_TRUNCATE] = {cache_truncate, true}, [PGOUTPUT_MESSAGE] = {on_message, false},
    [PGOUTPUT_OTHER] = {on_other, false},
};

err_t
cache_apply(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    const bool writes = actions[message->kind].writes;
    if (writes && !self->inside)
        return fault_set(fault, ERR_PROTOCOL,
                         "the database sent a row outside of a transaction");
    arena_clear(&self->arena);
    if (writes && self->skipping)
        return OK;
    const err_t err = actions[message->kind].apply(self, message, fault);
    if (err != OK && err != ERR_STALE)
        cache_rollback(self);
    return err;
}

void
cache_trust(cache_t *self, const char *token)
{
    (void) snprintf(self->token, sizeof self->token, "%s", token);
}

bool
cache_take_oddity(cache_t *self, fault_t *oddity)
{
    *oddity = self->oddity;
    self->oddity = (fault_t){0};
    return oddity->err != OK;
}

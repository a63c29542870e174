#include "actors/server/sessions.h"

#include <stdlib.h>
#include <string.h>

session_t *
sessions_add(sessions_t *self, uint64_t number, const visitor_t *visitor, uint64_t now_ms)
{
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 16;
        self->items = mem_grow(self->items, self->room * sizeof(session_t *));
    }
    session_t *session = session_new(number, visitor, now_ms);
    self->items[self->n++] = session;
    return session;
}

session_t *
sessions_numbered(const sessions_t *self, uint64_t number)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->items[i]->number == number && !self->items[i]->closing)
            return self->items[i];
    return NULL;
}

session_t *
sessions_on(const sessions_t *self, conn_t conn)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->items[i]->conn == conn)
            return self->items[i];
    return NULL;
}

session_t *
sessions_of(const sessions_t *self, const char *client_id)
{
    for (size_t i = 0; i < self->n; i++) {
        session_t *session = self->items[i];
        if (session->conn != 0 && !session->closing
            && strcmp(session->visitor.client_id, client_id) == 0)
            return session;
    }
    return NULL;
}

static void
add(tally_t *sum, const tally_t *tally)
{
    sum->received += tally->received;
    sum->sent += tally->sent;
    sum->rejected += tally->rejected;
    sum->ignored += tally->ignored;
}

tally_t
sessions_tally(const sessions_t *self)
{
    tally_t sum = self->gone;
    for (size_t i = 0; i < self->n; i++)
        add(&sum, &self->items[i]->tally);
    return sum;
}

size_t
sessions_count_open(const sessions_t *self)
{
    size_t open = 0;
    for (size_t i = 0; i < self->n; i++)
        open += self->items[i]->conn != 0 && !self->items[i]->closing;
    return open;
}

size_t
sessions_count_of(const sessions_t *self, const char *user)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n; i++)
        n += strcmp(self->items[i]->visitor.identity.user, user) == 0;
    return n;
}

void
sessions_remove(sessions_t *self, session_t *session)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->items[i] == session) {
            add(&self->gone, &session->tally);
            self->items[i] = self->items[--self->n];
            session_destroy(&session);
            return;
        }
    }
}

void
sessions_forget_absent(sessions_t *self, uint64_t before_ms)
{
    for (size_t i = self->n; i-- > 0;)
        if (self->items[i]->conn == 0 && self->items[i]->since_ms < before_ms)
            sessions_remove(self, self->items[i]);
}

void
sessions_release(sessions_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        session_destroy(&self->items[i]);
    free(self->items);
    *self = (sessions_t){0};
}

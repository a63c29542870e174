#include "actors/server/client_changes/postponed.h"

bool
postponed_has(const postponed_t *self, uint64_t session)
{
    const size_t n = self->n < POSTPONED_MOST ? self->n : POSTPONED_MOST;
    for (size_t i = 0; i < n; i++)
        if (self->sessions[i] == session)
            return true;
    return false;
}

void
postponed_add(postponed_t *self, uint64_t session)
{
    if (!postponed_has(self, session))
        self->sessions[self->n++ % POSTPONED_MOST] = session;
}

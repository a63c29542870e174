/*  crew - the actors of a host as their supervisor sees them: what it tells them, and what they
    have told it.  */

#pragma once

#include "runtime/host.h"
#include "runtime/shell.h"

typedef struct member {
    shell_t *shell;
    cell_state_t state;
    char reason[256];
} member_t;

typedef struct crew {
    const actor_class_t *classes[MOST_ACTORS];
    const char *names[MOST_ACTORS + 1]; /* theirs, NULL-terminated */
    member_t members[MOST_ACTORS];
    size_t n, n_started;
    postbox_t *post; /* the supervisor's */
} crew_t;

void crew_order(crew_t *self, const member_t *member, const char *verb);
/*  Takes in what they have told by now.  */
void crew_note_states(crew_t *self);
/*  Waits until the member is in one of the states (a set of bits), or the deadline.  */
bool crew_await(crew_t *self, const member_t *member, unsigned states, uint32_t ms);
/*  One that is past its restart limit; NULL: nobody.  */
const member_t *crew_given_up(const crew_t *self);

/*  Everybody may send to everybody, and gets the events it wants to hear.  */
void crew_introduce(crew_t *self, bool with_ipc);
/*  One after the other, in the order added.  */
CHECKED err_t crew_start(crew_t *self, fault_t *fault);

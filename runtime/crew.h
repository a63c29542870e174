/*  crew - the actors of a host as their supervisor sees them: what it tells them, and what they
    have told it.  */

#pragma once

#include "bus/mail.h"
#include "runtime/host.h"
#include "runtime/shell.h"

typedef struct member {
    shell_t *shell;
    cell_state_t state;
    char reason[256];
    bool told; /* of another that comes or goes, and has not obeyed yet */
} member_t;

typedef struct crew {
    const actor_class_t *classes[MOST_ACTORS];
    const char *names[MOST_ACTORS + 1]; /* theirs, NULL-terminated */
    member_t members[MOST_ACTORS];
    size_t n, n_started;
    postbox_t *post; /* the supervisor's */
    mailbox_t asked; /* what actors ask of it */
    bool closed;     /* it does nothing for them any more */
    bool gateway_told;
    uint64_t orders; /* about others, so far: who has obeyed an older one has not obeyed */
} crew_t;

/*  Answers what an actor has asked, or says why not.  */
void crew_answer(crew_t *self, const envelope_t *question, message_id_t id, const void *body);
void crew_refuse(crew_t *self, const envelope_t *question, const fault_t *fault);
/*  From now on, whatever they ask is refused: all of them are about to stop.  */
void crew_close(crew_t *self);

void crew_order(crew_t *self, const member_t *member, const char *verb);
/*  Takes in what they have told by now.  */
void crew_note_states(crew_t *self);
/*  Waits until the member is in one of the states (a set of bits), or the deadline.  */
bool crew_await(crew_t *self, const member_t *member, unsigned states, uint32_t ms);
/*  One that is past its restart limit, among the plug-ins or among the others; NULL: nobody. */
member_t *crew_given_up(crew_t *self, bool plugin);
member_t *crew_find(crew_t *self, const char *name);
bool crew_is_plugin(const crew_t *self, const member_t *member);
/*  Tells everybody else about that member: know, close, forget. Waits until all that run have
    done it; false: not all have, within that time.  */
bool crew_tell(crew_t *self, const member_t *about, const char *verb, uint32_t ms);
/*  The second place in the order of start, so that it stops last: before it is only the actor
   that was added first, which logs.  */
member_t *crew_insert(crew_t *self, const actor_class_t *class);
/*  Its shell is gone.  */
void crew_take_out(crew_t *self, member_t *member);

/*  Everybody may send to everybody, and gets the events it wants to hear.  */
void crew_introduce(crew_t *self, bool with_ipc);
/*  The same for one that comes later; the others get its events, and their events it.  */
void crew_introduce_late(crew_t *self, const member_t *member, bool with_ipc);
CHECKED err_t crew_start_member(crew_t *self, member_t *member, fault_t *fault);
/*  One after the other, in the order added.  */
CHECKED err_t crew_start(crew_t *self, fault_t *fault);

#include "runtime/crew.h"

#include "runtime/clock.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { START_DEADLINE_MS = 30000, MS_PER_S = 1000, NS_PER_MS = 1000000 };

void
crew_order(crew_t *self, const member_t *member, const char *verb)
{
    envelope_t envelope = {
        .kind = ENVELOPE_CONTROL,
        .type = verb,
        .from = SUPERVISOR,
        .to = shell_name(member->shell),
        .flags = FLAG_NO_TAP,
    };
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&envelope, header);
    err_t err = postbox_put(self->post, envelope.to, LANE_hi, (bytes_t){header, size}, NULL);
    assert(err == OK);
}

static void
note_state(crew_t *self, letter_t *letter)
{
    const envelope_t *envelope = &letter->envelope;
    for (size_t i = 0; i < self->n; i++) {
        member_t *member = &self->members[i];
        if (strcmp(envelope->from, self->classes[i]->name) != 0
            || strcmp(envelope->type, "state") != 0)
            continue;
        member->state = (cell_state_t) envelope->seq;
        snprintf(member->reason, sizeof member->reason, "%.*s", (int) letter->payload.size,
                 letter->payload.size ? (const char *) letter->payload.data : "");
    }
    letter->release(letter);
}

void
crew_note_states(crew_t *self)
{
    letter_t *letter;
    while ((letter = postbox_receive(self->post, LANE_hi)) != NULL)
        note_state(self, letter);
}

bool
crew_await(crew_t *self, const member_t *member, unsigned states, uint32_t ms)
{
    uint64_t deadline = clock_now_ns() + (uint64_t) ms * NS_PER_MS;
    for (;;) {
        crew_note_states(self);
        if (states & 1U << member->state)
            return true;
        uint64_t now = clock_now_ns();
        if (now >= deadline)
            return false;
        zmq_pollitem_t item = {.socket = postbox_socket(self->post, LANE_hi),
                               .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, (long) ((deadline - now) / NS_PER_MS) + 1);
    }
}

const member_t *
crew_given_up(const crew_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->members[i].state == CELL_GIVEN_UP)
            return &self->members[i];
    return NULL;
}

void
crew_introduce(crew_t *self, bool with_ipc)
{
    for (size_t i = 0; i < self->n; i++) {
        shell_t *shell = self->members[i].shell;
        if (with_ipc)
            shell_know(shell, "ipc");
        for (size_t other = 0; other < self->n; other++) {
            shell_know(shell, self->classes[other]->name);
            const char *const *pattern = self->classes[other]->hears;
            for (; pattern && *pattern && other != i; pattern++)
                shell_subscribe(shell, *pattern, self->classes[other]->name);
        }
    }
}

err_t
crew_start(crew_t *self, fault_t *fault)
{
    for (size_t i = 0; i < self->n; i++) {
        member_t *member = &self->members[i];
        err_t err = shell_launch(member->shell, fault);
        if (err != OK)
            return err;
        self->n_started = i + 1;
        crew_order(self, member, "start");
        const unsigned ends = 1U << CELL_RUNNING | 1U << CELL_STOPPED | 1U << CELL_GIVEN_UP;
        if (!crew_await(self, member, ends, START_DEADLINE_MS))
            return fault_set(fault, ERR_TIMEOUT, "%s did not start within %d s",
                             self->classes[i]->name, START_DEADLINE_MS / MS_PER_S);
        if (member->state != CELL_RUNNING)
            return fault_set(fault, ERR_CONFIG, "%s", member->reason);
    }
    return OK;
}

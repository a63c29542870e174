#include "runtime/crew.h"

#include "runtime/clock.h"
#include "schemas/pack.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { START_DEADLINE_MS = 30000, MS_PER_S = 1000, NS_PER_MS = 1000000 };

/*  from: who it shall seem to come from; about: whom it is about, or NULL.  */
static void
put(crew_t *self, const char *to, const envelope_t *order, blob_t *payload)
{
    envelope_t envelope = *order;
    uint8_t header[ENVELOPE_ROOM];
    envelope.kind = ENVELOPE_CONTROL;
    envelope.to = to;
    envelope.flags = FLAG_NO_TAP;
    size_t size = envelope_pack(&envelope, header);
    err_t err = postbox_put(self->post, to, LANE_hi, (bytes_t){header, size}, payload);
    assert(err == OK);
}

void
crew_order(crew_t *self, const member_t *member, const char *verb)
{
    put(self, shell_name(member->shell), &(envelope_t){.type = verb, .from = SUPERVISOR}, NULL);
}

void
crew_answer(crew_t *self, const envelope_t *question, message_id_t id, const void *body)
{
    buffer_t packed = {0};
    envelope_t envelope = {
        .kind = id == MSG_problem ? ENVELOPE_ERR : ENVELOPE_REP,
        .type = schema_of(id)->name,
        .hash = schema_hash(id),
        .from = SUPERVISOR,
        .to = question->from,
        .sent_ns = clock_now_ns(),
        .flags = FLAG_NO_TAP,
    };
    memcpy(envelope.corr, question->id, sizeof envelope.corr);
    memcpy(envelope.id, question->id, sizeof envelope.id);
    message_pack(id, body, &packed);
    blob_t *payload = blob_new(buffer_bytes(&packed));
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&envelope, header);
    err_t err = postbox_put(self->post, envelope.to, LANE_hi, (bytes_t){header, size}, payload);
    (void) err; /* whoever asked may have gone meanwhile */
    blob_unref(&payload);
    buffer_release(&packed);
}

void
crew_refuse(crew_t *self, const envelope_t *question, const fault_t *fault)
{
    crew_answer(self, question, MSG_problem,
                &(problem_t){.code = err_name(fault->err), .message = fault->text});
}

/*  ------------------------------------------------------------------ what they tell  */

member_t *
crew_find(crew_t *self, const char *name)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->classes[i]->name, name) == 0)
            return &self->members[i];
    return NULL;
}

static void
note_state(crew_t *self, const letter_t *letter)
{
    member_t *member = crew_find(self, letter->envelope.from);
    if (member == NULL)
        return;
    member->state = (cell_state_t) letter->envelope.seq;
    snprintf(member->reason, sizeof member->reason, "%.*s", (int) letter->payload.size,
             letter->payload.size ? (const char *) letter->payload.data : "");
}

static void
note_obeyed(crew_t *self, const letter_t *letter)
{
    member_t *member = crew_find(self, letter->envelope.from);
    if (member)
        member->told &= letter->envelope.seq != self->orders;
    else if (strcmp(letter->envelope.from, "ipc") == 0)
        self->gateway_told = false;
}

static void
refuse_late(crew_t *self, const envelope_t *question)
{
    fault_t fault;
    fault_set(&fault, ERR_STOPPED, "%s", err_text(ERR_STOPPED));
    crew_refuse(self, question, &fault);
}

void
crew_close(crew_t *self)
{
    mail_t *question;
    self->closed = true;
    while ((question = self->asked.first) != NULL) {
        mailbox_take(&self->asked, question);
        refuse_late(self, &question->envelope);
        mail_destroy(&question);
    }
}

static void
note_question(crew_t *self, const letter_t *letter)
{
    if (self->closed)
        refuse_late(self, &letter->envelope);
    else
        mailbox_add(&self->asked, mail_new(&letter->envelope, letter->payload));
}

void
crew_note_states(crew_t *self)
{
    letter_t *letter;
    while ((letter = postbox_receive(self->post, LANE_hi)) != NULL) {
        const char *type = letter->envelope.type;
        if (strcmp(type, "state") == 0)
            note_state(self, letter);
        else if (strcmp(type, "obeyed") == 0)
            note_obeyed(self, letter);
        else
            note_question(self, letter);
        letter->release(letter);
    }
}

/*  Until something has come in, or the deadline. False: it has passed.  */
static bool
wait_on(crew_t *self, uint64_t deadline_ns)
{
    uint64_t now = clock_now_ns();
    if (now >= deadline_ns)
        return false;
    zmq_pollitem_t item = {.socket = postbox_socket(self->post, LANE_hi), .events = ZMQ_POLLIN};
    zmq_poll(&item, 1, (long) ((deadline_ns - now) / NS_PER_MS) + 1);
    return true;
}

bool
crew_await(crew_t *self, const member_t *member, unsigned states, uint32_t ms)
{
    uint64_t deadline = clock_now_ns() + (uint64_t) ms * NS_PER_MS;
    for (;;) {
        crew_note_states(self);
        if (states & 1U << member->state)
            return true;
        if (!wait_on(self, deadline))
            return false;
    }
}

member_t *
crew_given_up(crew_t *self, bool plugin)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->members[i].state == CELL_GIVEN_UP
            && (self->classes[i]->raw != NULL) == plugin)
            return &self->members[i];
    return NULL;
}

bool
crew_is_plugin(const crew_t *self, const member_t *member)
{
    return self->classes[member - self->members]->raw != NULL;
}

/*  ------------------------------------------------------------- one comes, one goes  */

static bool
runs(const member_t *member)
{
    return member->state != CELL_STOPPED;
}

static bool
all_obeyed(const crew_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->members[i].told && runs(&self->members[i]))
            return false;
    return !self->gateway_told;
}

bool
crew_tell(crew_t *self, const member_t *about, const char *verb, uint32_t ms)
{
    uint64_t deadline = clock_now_ns() + (uint64_t) ms * NS_PER_MS;
    const envelope_t order = {.type = verb,
                              .from = SUPERVISOR,
                              .key = shell_name(about->shell),
                              .seq = ++self->orders};
    for (size_t i = 0; i < self->n; i++) {
        member_t *member = &self->members[i];
        member->told = member != about && runs(member);
        if (member->told)
            put(self, self->classes[i]->name, &order, NULL);
    }
    for (;;) {
        crew_note_states(self);
        if (all_obeyed(self))
            return true;
        if (!wait_on(self, deadline))
            return false;
    }
}

member_t *
crew_insert(crew_t *self, const actor_class_t *class)
{
    assert(self->n < MOST_ACTORS);
    size_t i = self->n > 0;
    size_t after = self->n - i;
    memmove(self->classes + i + 1, self->classes + i, after * sizeof *self->classes);
    memmove(self->names + i + 1, self->names + i, after * sizeof *self->names);
    memmove(self->members + i + 1, self->members + i, after * sizeof *self->members);
    self->classes[i] = class;
    self->names[i] = class->name;
    self->members[i] = (member_t){0};
    self->n++;
    self->n_started += self->n_started > 0;
    return &self->members[i];
}

void
crew_take_out(crew_t *self, member_t *member)
{
    size_t i = (size_t) (member - self->members);
    size_t after = self->n - i - 1;
    memmove(self->classes + i, self->classes + i + 1, after * sizeof *self->classes);
    memmove(self->names + i, self->names + i + 1, after * sizeof *self->names);
    memmove(self->members + i, self->members + i + 1, after * sizeof *self->members);
    self->names[--self->n] = NULL;
    self->n_started -= self->n_started > i;
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

static void
subscribe(crew_t *self, const char *publisher, const actor_class_t *subscriber)
{
    const char *const *pattern = subscriber->hears;
    for (; pattern && *pattern; pattern++) {
        buffer_t packed = {0};
        pack_text(&packed, *pattern, strlen(*pattern));
        blob_t *payload = blob_new(buffer_bytes(&packed));
        put(self, publisher, &(envelope_t){.type = "subscribe", .from = subscriber->name},
            payload);
        blob_unref(&payload);
        buffer_release(&packed);
    }
}

void
crew_introduce_late(crew_t *self, const member_t *member, bool with_ipc)
{
    const actor_class_t *class = self->classes[member - self->members];
    if (with_ipc)
        shell_know(member->shell, "ipc");
    for (size_t i = 0; i < self->n; i++) {
        const actor_class_t *other = self->classes[i];
        shell_know(member->shell, other->name);
        if (other == class || !runs(&self->members[i]))
            continue;
        subscribe(self, other->name, class);
        for (const char *const *pattern = other->hears; pattern && *pattern; pattern++)
            shell_subscribe(member->shell, *pattern, other->name);
    }
}

err_t
crew_start_member(crew_t *self, member_t *member, fault_t *fault)
{
    const unsigned ends = 1U << CELL_RUNNING | 1U << CELL_STOPPED | 1U << CELL_GIVEN_UP;
    crew_order(self, member, "start");
    if (!crew_await(self, member, ends, START_DEADLINE_MS))
        return fault_set(fault, ERR_TIMEOUT, "%s did not start within %d s",
                         shell_name(member->shell), START_DEADLINE_MS / MS_PER_S);
    if (member->state != CELL_RUNNING)
        return fault_set(fault, ERR_CONFIG, "%s", member->reason);
    return OK;
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
        err = crew_start_member(self, member, fault);
        if (err != OK)
            return err;
    }
    return OK;
}
